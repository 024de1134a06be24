/** Movies of the QTSS era, and of today: each is shown from its beginning and from its middle. */

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

import { Viewer } from './viewer.mjs'

/** Where a movie is watched, as a share of its length, and for how many seconds: the films of the QTSS era come out of white
 * in their first two seconds, and are white again from 44 % on. */
const GLANCES = [
  { share: 0, seconds: 3 },
  { share: 0.4, seconds: 1.5 },
]

/** Fewer pictures than these are no film, however busy the machine is. */
const FEW = 5

/** How far what the browser takes for the length may be from what ffprobe does, in seconds. */
const DIFFERENCE = 0.5

/** The files of `folders` that there are. */
export function films(folders) {
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .map(probe)
}

/** What a player has to show of a file. */
function probe(path) {
  const parameters = [
    '-v',
    'error',
    '-show_entries',
    'format=duration:stream=codec_type,avg_frame_rate',
  ]
  const found = execFileSync('ffprobe', [...parameters, '-of', 'json', path], { encoding: 'utf8' })
  const { format, streams } = JSON.parse(found)
  const pictures = streams.find((stream) => stream.codec_type === 'video')
  const [frames, seconds] = (pictures?.avg_frame_rate ?? '0/1').split('/')
  return {
    path,
    name: basename(path),
    duration: Number(format.duration),
    frameRate: frames / seconds,
    hasSound: streams.some((stream) => stream.codec_type === 'audio'),
  }
}

/** Watches a film for a moment where it begins and before its middle. */
export async function glance(browser, url, { duration, frameRate, hasSound }) {
  const viewer = await Viewer.open(browser, url)
  await viewer.begin()
  const complaints = []
  for (const { share, seconds } of GLANCES) {
    const place = duration * share
    // Of a short film all may have been decoded when it begins to play.
    const before = place > 0 ? await viewer.state() : { frames: 0, heard: 0 }
    if (place > 0) await viewer.seek(place)
    const end = Math.min(place + seconds, duration - 0.1)
    await viewer.playTo(end)
    const after = await viewer.state()
    const pictures = after.frames - before.frames
    if (frameRate > 0 && pictures < FEW) {
      complaints.push(`it showed ${pictures} pictures from ${place.toFixed(1)} s on`)
    }
    if (frameRate > 0 && after.contrast < 5) {
      complaints.push(`its picture at ${end.toFixed(1)} s is blank`)
    }
    if (hasSound && after.heard <= before.heard) {
      complaints.push(`nothing was heard from ${place.toFixed(1)} s on`)
    }
  }
  const state = await viewer.state()
  if (Math.abs(state.duration - duration) > DIFFERENCE) {
    complaints.push(`it lasts ${state.duration} s, not ${duration}`)
  }
  // Transcoding may be slower than playing, so that it stalls.
  complaints.push(...(await viewer.failures()))
  await viewer.close()
  return complaints
}
