/** Channels whose encoders misbehave: their viewers play on without touching anything. */

import { execFileSync } from 'node:child_process'

import { Viewer } from './viewer.mjs'

const FLAVOURS = ['low_latency', 'cmaf']

/** Seconds after its beginning at which an encoder misbehaves. */
const FAULT = 20

/** How many seconds of a channel are seen, some of them after that. */
const SEEN = 35

/** How long that may take, in milliseconds. */
const LONG = 90_000

/**
 * How many seconds a player may stand still: nobody sends for three while an encoder is away, and segments that wait for
 * rare key frames last for eight.
 */
const PAUSES = { restart: 10, leap: 5, rare: 10 }

/** How wide the pictures of the clip are, and so those of an encoder that comes back with larger ones. */
const WIDTH = 640

/** Counts how many seconds have been seen, whatever their times are, and how long the longest pause was. */
function count() {
  window.seen = 0
  window.longest = 0
  let before = 0
  let last = 0
  const add = ({ target }) => {
    const passed = target.currentTime - before
    before = target.currentTime
    if (passed <= 0 || passed >= 1 || target.seeking) return
    const now = performance.now() / 1000
    if (window.seen > 0) window.longest = Math.max(window.longest, now - last)
    window.seen += passed
    last = now
  }
  document.addEventListener('timeupdate', add, true)
}

/** The filter that makes the times of packets leap by an hour, in ticks of `rate`. */
function leap(rate) {
  const by = `if(gt(DTS\\,${FAULT * rate})\\,${3600 * rate}\\,0)`
  return `setts=pts=PTS+${by}:dts=DTS+${by}`
}

/** Publishes a channel for each fault to `server`, from `clip`; `path` names files. */
export function misbehave(server, clip, path) {
  const [small, rare, long] = ['small.mp4', 'rare.mp4', 'long.mp4'].map(path)
  const code = (file, distance) => {
    const coding = ['-s', '320x180', '-c:v', 'libx264', '-preset', 'ultrafast']
    const keys = ['-g', distance, '-keyint_min', distance, '-sc_threshold', '0']
    execFileSync('ffmpeg', ['-v', 'error', '-i', clip, ...coding, ...keys, '-c:a', 'copy', file])
  }
  code(small, '50')
  // One key frame in all of its 12 s.
  code(rare, '1000')
  // ffmpeg's filters end with the input, which may not begin anew therefore.
  const again = ['-stream_loop', '9', '-i', clip, '-c', 'copy']
  execFileSync('ffmpeg', ['-v', 'error', ...again, long])
  const publish = (name, file, ...options) => {
    const loop = file === long ? '0' : '-1'
    const copied = ['-stream_loop', loop, '-i', file, '-c', 'copy', ...options]
    return server.publish([...copied, '-f', 'rtsp', `{rtsp}/${name}`])
  }
  publish('rare', rare)
  publish('leap', long, '-bsf:v', leap(90_000), '-bsf:a', leap(44_100))
  const comeBack = () => setTimeout(() => publish('restart', clip), 3000)
  publish('restart', small, '-t', String(FAULT)).then(comeBack)
}

/** Watches each channel of [`misbehave`] in each flavour, side by side. */
export async function endure(browser, server) {
  const watched = Object.entries(PAUSES).flatMap(([fault, pause]) =>
    FLAVOURS.map((flavour) => watch(browser, server, fault, flavour, pause)),
  )
  return (await Promise.all(watched)).flat()
}

async function watch(browser, server, fault, flavour, pause) {
  await server.untilLive(fault)
  const url = `${server.web}/${fault}?engine=hls.js&flavour=${flavour}`
  const viewer = await Viewer.open(browser, url, (page) => page.addInitScript(count))
  const complaints = []
  const isSeen = (seconds) => window.seen >= seconds
  await viewer.page.waitForFunction(isSeen, SEEN, { timeout: LONG }).catch(() => {
    complaints.push('it stands still')
  })
  const [seen, longest, width] = await viewer.page.evaluate(() => [
    window.seen,
    window.longest,
    document.querySelector('video').videoWidth,
  ])
  if (longest > pause) {
    complaints.push(`it stood still for ${longest.toFixed(1)} s, ${seen.toFixed(1)} s were seen`)
  }
  if (fault === 'restart' && width !== WIDTH) complaints.push(`its pictures are ${width} wide`)
  complaints.push(...(await viewer.faultsOfPage()))
  await viewer.close()
  return complaints.map((line) => `${fault}, ${flavour}: ${line}`)
}
