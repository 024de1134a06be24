/** Playlists read by the parser of npm's hls-parser, and what it finds compared with the text. */

import assert from 'node:assert'

import HLS from 'hls-parser'

/** The playlists that players open. */
export const FLAVOURS = ['index', 'cmaf', 'ts']

/** Reads `flavours` of what a server has by `names`; what is wrong with them. */
export async function readAll(server, names, flavours) {
  const complaints = []
  for (const name of names) {
    for (const flavour of flavours) {
      const complain = (error) => complaints.push(`${name}, ${flavour}: ${error.message}`)
      await readPlaylists(`${server.web}/${name}/${flavour}.m3u8`).catch(complain)
    }
  }
  return complaints
}

/** Reads the playlist at `url` and all that it names. Rejects when something in one is not as it is written. */
async function readPlaylists(url) {
  const { playlist } = await read(url)
  assert(playlist.isMasterPlaylist, `${url} names no variants`)
  assert(playlist.variants.length > 0)
  for (const { uri, bandwidth, codecs, audio } of playlist.variants) {
    assert(bandwidth > 0 && codecs, `${uri} has no bandwidth or no codecs`)
    const renditions = audio.map((rendition) => rendition.uri).filter(Boolean)
    for (const one of [uri, ...renditions]) compare(await read(new URL(one, url).href))
  }
}

async function read(url) {
  const answer = await fetch(url)
  const text = await answer.text()
  assert(answer.ok, `${url}: ${text}`)
  return { url, text, playlist: HLS.parse(text) }
}

/** Holds a media playlist against its text. */
function compare({ url, text, playlist }) {
  const numbers = (pattern) => Array.from(text.matchAll(pattern), ([, number]) => Number(number))
  const whole = playlist.segments.filter(({ uri }) => uri)
  const parts = playlist.segments.flatMap(({ parts }) => parts).filter(({ hint }) => !hint)
  const durations = (list) => list.map(({ duration }) => duration)
  assert.deepEqual(durations(whole), numbers(/^#EXTINF:([\d.]+)/gm), url)
  assert.deepEqual(durations(parts), numbers(/^#EXT-X-PART:(?:.*,)?DURATION=([\d.]+)/gm), url)
  assert.deepEqual([playlist.targetDuration], numbers(/^#EXT-X-TARGETDURATION:(\d+)/gm), url)
  const [first = 0] = numbers(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/gm)
  assert.equal(playlist.mediaSequenceBase, first, url)
  assert.equal(playlist.endlist, text.includes('#EXT-X-ENDLIST'), url)
  const isEncrypted = text.includes('#EXT-X-KEY:')
  assert(
    whole.every(({ key }) => Boolean(key) === isEncrypted),
    `${url}: segments without a key`,
  )
  const again = HLS.parse(HLS.stringify(playlist))
  const uris = (segments) => segments.map(({ uri }) => uri)
  assert.deepEqual(uris(again.segments), uris(playlist.segments), url)
}
