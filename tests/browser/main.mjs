/** All cases, side by side in one browser: main.mjs BINARY ROOT. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { chromium } from 'playwright-core'

import { Server } from './server.mjs'
import { Viewer } from './viewer.mjs'

/** How long a live channel is watched, in seconds. */
const WATCHED = 60

/** How much less or more of it may have been shown: a player catches up by 5 %, or begins late. */
const LEAST = 0.97
const MOST = 1.07

const [binary, root] = process.argv.slice(2)
const samples = join(root, 'movies')
const movies = readdirSync(samples).filter((name) => /\.(mp4|mov|m4a)$/.test(name))
const server = await Server.start(
  binary,
  movies.map((name) => join(samples, name)),
)
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--autoplay-policy=no-user-gesture-required'],
})

const clip = ['-stream_loop', '-1', '-i', join(samples, 'clock.mp4')]
server.publish([...clip, '-c', 'copy', '-f', 'rtsp', '{rtsp}/live'])
const radio = ['-vn', '-c:a', 'libmp3lame', '-f', 'mp3', '-content_type', 'audio/mpeg']
server.publish([...clip, ...radio, 'icecast://source:any@{host}/radio'])

/** Watches a live channel for a minute. */
async function live(name, query, frameRate) {
  await server.untilLive(name)
  const viewer = await Viewer.open(browser, `${server.web}/${name}?${query}`)
  await viewer.begin()
  const first = await viewer.state()
  await new Promise((resolve) => setTimeout(resolve, WATCHED * 1000))
  const last = await viewer.state()
  const complaints = await viewer.complaints()
  const played = (last.time - first.time) / (last.now - first.now)
  if (played < LEAST || played > MOST) {
    complaints.push(`it played ${played.toFixed(3)} s a second`)
  }
  const frames = (last.frames - first.frames) / (last.now - first.now)
  if (frames < frameRate * LEAST) {
    complaints.push(`it showed ${frames.toFixed(1)} pictures a second, not ${frameRate}`)
  }
  await viewer.close()
  return complaints
}

/** Looks at the list, as one with a keyboard does. */
async function list() {
  await server.untilLive('live')
  await server.untilLive('radio')
  const viewer = await Viewer.open(browser, `${server.web}/`)
  const complaints = []
  const sections = await viewer.page.getByRole('region').allInnerTexts()
  if (!/^Live now[^]*live[^]*radio/.test(sections[0] ?? '')) {
    complaints.push(`the list begins with ${sections[0]}`)
  }
  const link = viewer.page.getByRole('link', { name: 'clock.mp4' })
  await link.focus()
  await viewer.page.keyboard.press('Enter')
  await viewer.page.getByRole('heading', { level: 1, name: 'clock.mp4' }).waitFor()
  await viewer.page.getByRole('button', { name: 'Copy RTSP' }).waitFor()
  complaints.push(...viewer.faults)
  await viewer.close()
  return complaints
}

/** Waits before there is a channel, and sees it begin. */
async function patience() {
  const viewer = await Viewer.open(browser, `${server.web}/later?engine=hls.js`)
  await viewer.page.getByText('There is no channel or movie of this name').waitFor()
  server.publish([...clip, '-c', 'copy', '-f', 'rtsp', '{rtsp}/later'])
  await viewer.begin()
  const complaints = await viewer.complaints()
  await viewer.close()
  return complaints
}

const cases = {
  'the list': list,
  'a channel that begins later': patience,
  'live low latency': () => live('live', 'engine=hls.js&flavour=low_latency', 25),
  'live fMP4': () => live('live', 'engine=hls.js&flavour=cmaf', 25),
  'live MPEG-TS': () => live('live', 'engine=hls.js&flavour=ts', 25),
  'radio fMP4': () => live('radio', 'engine=hls.js&flavour=low_latency', 0),
  'radio MP3': () => live('radio', 'engine=hls.js&flavour=ts', 0),
}

let failed = 0
await Promise.all(
  Object.entries(cases).map(async ([name, play]) => {
    const complaints = await play().catch((error) => [error.message])
    console.log(`${complaints.length === 0 ? 'ok' : 'FAILED'} ${name}`)
    for (const complaint of complaints) console.log(`    ${complaint}`)
    failed += complaints.length > 0 ? 1 : 0
  }),
)
await browser.close()
await server.stop()
if (failed > 0) console.log(server.log.map((line) => `server: ${line}`).join('\n'))
console.log(`${Object.keys(cases).length - failed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
