/** A server that is ended and started again under its viewers, who play on without touching anything. */

import { Door } from './door.mjs'
import { Viewer } from './viewer.mjs'

/** The players of whole segments go on sooner with short ones. */
export const SETTINGS = { REELCAST_HLS_TARGET_DURATION: '2s' }

/** How much more is to be seen than what a player has when the server ends, in seconds. */
const MORE = 10

/** How long that may take, in milliseconds: between attempts players wait, some longer each time. */
const LONG = 120_000

const FLAVOURS = ['low_latency', 'cmaf', 'ts']

/** Counts how many seconds have been seen, whatever their times are. */
function count() {
  window.seen = 0
  let before = 0
  const add = ({ target }) => {
    const passed = target.currentTime - before
    if (passed > 0 && passed < 1 && !target.seeking) window.seen += passed
    before = target.currentTime
  }
  document.addEventListener('timeupdate', add, true)
}

/** How many seconds will have been seen when all that the player has is over. */
function promised() {
  const { buffered, currentTime } = document.querySelector('video')
  const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : currentTime
  return window.seen + end - currentTime
}

/**
 * Ends the server of `clip` under viewers of each flavour and one who has paused, and starts it again: at once or, if
 * it `isLong`, when all have been told that it is gone.
 */
export async function restart(browser, server, clip, isLong) {
  const door = await Door.open()
  try {
    await publish(server, door, clip)
    const viewers = await openAll(browser, `${door.url}/live?engine=hls.js`)
    const pages = viewers.map(({ page }) => page)
    await server.end()
    door.lead(null)
    const promises = await Promise.all(pages.map((page) => page.evaluate(promised)))
    if (isLong) {
      const told = (page) => page.getByText('The server cannot be reached.').first().waitFor()
      await Promise.all(pages.map(told))
    }
    await server.run()
    await publish(server, door, clip)
    const [paused, ...playing] = viewers.map((viewer, at) => [viewer, promises[at]])
    const found = [wait(...paused), ...playing.map((one) => play(...one))]
    const complaints = await Promise.all(found)
    const about = (lines, at) => lines.map((line) => `${['paused', ...FLAVOURS][at]}: ${line}`)
    return complaints.flatMap(about)
  } finally {
    door.close()
  }
}

/** Publishes the clip, and leads viewers to where it is live. */
async function publish(server, door, clip) {
  const endless = ['-stream_loop', '-1', '-i', clip, '-c', 'copy']
  server.publish([...endless, '-f', 'rtsp', '{rtsp}/live'])
  await server.untilLive('live')
  door.lead(server.web)
}

/** One who has paused, and one of each flavour, who all have begun to play, one after the other. */
async function openAll(browser, url) {
  const viewers = []
  for (const flavour of ['low_latency', ...FLAVOURS]) {
    const prepare = (page) => page.addInitScript(count)
    const viewer = await Viewer.open(browser, `${url}&flavour=${flavour}`, prepare)
    await viewer.begin()
    viewers.push(viewer)
  }
  await viewers[0].page.evaluate(() => document.querySelector('video').pause())
  return viewers
}

/** Waits until a viewer has seen more than what the server had sent before. */
async function play(viewer, promised) {
  const isSeen = (seconds) => window.seen >= seconds
  await viewer.page.waitForFunction(isSeen, promised + MORE, { timeout: LONG })
  return leave(viewer)
}

/** Who has paused sees something again, and goes on when asked to. */
async function wait(viewer) {
  const { page } = viewer
  const isThere = () => document.querySelector('video').readyState >= 2
  await page.waitForFunction(isThere, null, { timeout: LONG })
  const complaints = []
  const [isPaused, seen] = await page.evaluate(() => [
    document.querySelector('video').paused,
    window.seen,
  ])
  if (!isPaused) complaints.push('it plays')
  await page.evaluate(() => document.querySelector('video').play())
  const goesOn = (before) => window.seen >= before + 1
  await page.waitForFunction(goesOn, seen, { timeout: LONG })
  return [...complaints, ...(await leave(viewer))]
}

async function leave(viewer) {
  const faults = await viewer.faultsOfPage()
  await viewer.close()
  return faults
}
