/** A camera in H.265 and G.711, which this browser can only be shown encoded anew. */

import { execFileSync } from 'node:child_process'

import { Viewer } from './viewer.mjs'

/** How long it has been live when the first viewer comes, in seconds: what it keeps of its past is full. */
const BEGUN = 13

/** How long it is watched, in seconds. */
const WATCHED = 15

/** Pictures that take an encoder longer than a second for the channel's past. */
const PICTURES = 'testsrc2=s=1280x720:r=25:d=20'

/** Publishes the camera to `server`; `file` is where its pictures are kept. */
export function film(server, file) {
  const pictures = ['-f', 'lavfi', '-i', PICTURES, '-f', 'lavfi', '-i', 'sine=r=8000:d=20']
  const parameters = ['-x265-params', 'log-level=error:keyint=50:scenecut=0:bframes=0']
  const coding = ['-c:v', 'libx265', '-preset', 'ultrafast', ...parameters, '-c:a', 'pcm_mulaw']
  execFileSync('ffmpeg', ['-v', 'error', ...pictures, ...coding, file])
  const input = ['-stream_loop', '-1', '-i', file]
  server.publish([...input, '-c', 'copy', '-f', 'rtsp', '{rtsp}/camera'])
}

/** Watches it in one flavour. */
export async function watch(browser, server, flavour) {
  await server.untilLive('camera')
  await new Promise((resolve) => setTimeout(resolve, BEGUN * 1000))
  const viewer = await Viewer.open(
    browser,
    `${server.web}/camera?engine=hls.js&flavour=${flavour}`,
  )
  await viewer.begin()
  const { time } = await viewer.state()
  await viewer.playTo(time + WATCHED)
  const complaints = await viewer.complaints()
  await viewer.close()
  return complaints
}
