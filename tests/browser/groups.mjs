/** Groups of channels: viewers choose between the variants, and playing goes on without a break. */

import { execFileSync } from 'node:child_process'

import { Viewer } from './viewer.mjs'

/** The variants, the least first. */
const VARIANTS = [
  { name: 'adaptive-low', width: 320, height: 180 },
  { name: 'adaptive-high', width: 640, height: 360 },
]

/** The settings of the group. */
export const GROUP = `[[hls.group]]
name = "adaptive"
variants = ${JSON.stringify(VARIANTS.map(({ name }) => name))}
`

/** How long it may take until what was loaded before the choice has been shown, in milliseconds. */
const CHANGING = 60_000

/** How long the chosen variant is watched, in seconds. */
const WATCHED = 5

/** Publishes each variant of `clip` to `server` by an encoder of its own; `path` names their files. */
export function publish(server, clip, path) {
  for (const { name, width, height } of VARIANTS) {
    const file = path(`${name}.mp4`)
    const coding = ['-preset', 'ultrafast', '-g', '50', '-sc_threshold', '0']
    const scaled = ['-c:v', 'libx264', '-s', `${width}x${height}`, ...coding, '-c:a', 'copy']
    execFileSync('ffmpeg', ['-v', 'error', '-i', clip, ...scaled, file])
    server.publish(['-stream_loop', '-1', '-i', file, '-c', 'copy', '-f', 'rtsp', `{rtsp}/${name}`])
  }
}

/** Chooses another quality than the player has begun with. */
export async function change(browser, server, flavour) {
  for (const { name } of VARIANTS) await server.untilLive(name)
  const url = `${server.web}/adaptive?engine=hls.js&flavour=${flavour}`
  const viewer = await Viewer.open(browser, url)
  await viewer.begin()
  const choice = viewer.page.getByRole('combobox', { name: 'Quality' })
  const offered = await choice.getByRole('option').allInnerTexts()
  const complaints = []
  if (offered.join() !== 'Automatic,360p,180p') complaints.push(`it offers ${offered}`)
  const now = await viewer.page.evaluate(() => document.querySelector('video').videoWidth)
  const { width, height } = VARIANTS.find(({ width }) => width !== now)
  await choice.selectOption({ label: `${height}p` })
  const isSeen = (width) => document.querySelector('video').videoWidth === width
  await viewer.page.waitForFunction(isSeen, width, { timeout: CHANGING })
  const { time } = await viewer.state()
  await viewer.playTo(time + WATCHED)
  complaints.push(...(await viewer.failures()))
  // With low latency hls.js loads nothing for some seconds after a few of these changes, and stands still.
  if (flavour !== 'low_latency') complaints.push(...(await viewer.stalls()))
  await viewer.close()
  return complaints
}
