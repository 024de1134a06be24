/** The URLs by which other players open what a page shows. */

import { withParameter, type Flavour, type Watch } from './page'

export interface Address {
  name: string
  /** Who it is for. */
  hint: string
  url: string
}

const LIVE: Record<Flavour, [name: string, hint: string]> = {
  low_latency: ['HLS, low latency', 'Apple devices, browsers, most players'],
  cmaf: ['HLS', 'Fragmented MP4, without low latency'],
  ts: ['HLS for old players', 'MPEG-TS, or plain MP3 or AAC for radio'],
}

const MOVIE: Record<Flavour, [name: string, hint: string]> = {
  low_latency: ['HLS', 'Apple devices, browsers, most players'],
  cmaf: ['HLS, fragmented MP4', 'The same, by its plain name'],
  ts: ['HLS for old players', 'MPEG-TS'],
}

/** Where else `watch` can be opened; `base` is the address of its page. */
export function addresses(watch: Watch, base: URL): Address[] {
  const names = watch.presence === 'movie' ? MOVIE : LIVE
  const list = watch.playlists.map(({ flavour, url }) => {
    const [name, hint] = names[flavour]
    return { name, hint, url: new URL(url, base).href }
  })
  if (watch.endless !== null) {
    const url = new URL(watch.endless, base).href
    list.push({ name: 'Endless stream', hint: 'Radios and set-top boxes without HLS', url })
  }
  // Whoever has come by TLS is sent to TLS.
  const isSecure = base.protocol === 'https:'
  const port = isSecure ? watch.rtsps_port : watch.rtsp_port
  if (port !== null) {
    const path = watch.url.slice(watch.home.length)
    const url = `${isSecure ? 'rtsps' : 'rtsp'}://${base.hostname}:${port}/${path}`
    list.push({ name: 'RTSP', hint: 'VLC, mpv, FFmpeg, GStreamer, QuickTime', url })
  }
  return list
}

/** HTML that shows the player on another page. */
export function embedCode(watch: Watch, base: URL): string {
  const source = withParameter(new URL(watch.url, base), 'embed')
  const size = watch.has_video
    ? 'width="640" height="360" style="aspect-ratio: 16 / 9; max-width: 100%; height: auto; border: 0"'
    : 'width="480" height="160" style="max-width: 100%; border: 0"'
  const rights = 'allow="autoplay; fullscreen; picture-in-picture"'
  return `<iframe src="${attribute(source.href)}" title="${attribute(watch.name)}" ${size} ${rights} allowfullscreen></iframe>`
}

function attribute(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
