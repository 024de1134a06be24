/** All cases, side by side in one browser: main.mjs BINARY ROOT. */

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { chromium } from 'playwright-core'

import { film, watch } from './cameras.mjs'
import { Encrypted } from './encrypted.mjs'
import { endure, misbehave } from './faults.mjs'
import { films, glance } from './films.mjs'
import { GROUP, change, publish } from './groups.mjs'
import { Logins } from './logins.mjs'
import { FLAVOURS, readAll } from './playlists.mjs'
import { SETTINGS, restart } from './restarts.mjs'
import { Server } from './server.mjs'
import { choose, dub } from './sounds.mjs'
import { Viewer } from './viewer.mjs'

/** How long a live channel is watched, in seconds. */
const WATCHED = 60

/** How long it has been live before, in seconds. */
const BEGUN = 12

/** How long a channel is watched that has just begun, in seconds. */
const FRESH = 25

/** How much less or more of it may have been shown: a player catches up by 5 %, or begins late. */
const LEAST = 0.97
const MOST = 1.07

const [binary, root] = process.argv.slice(2)
const samples = join(root, 'movies')
const movies = readdirSync(samples).filter((name) => /\.(mp4|mov|m4a)$/.test(name))
const server = await Server.start(
  binary,
  movies.map((name) => join(samples, name)),
  {},
  GROUP,
)
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--autoplay-policy=no-user-gesture-required'],
})

const clip = ['-stream_loop', '-1', '-i', join(samples, 'clock.mp4')]
server.publish([...clip, '-c', 'copy', '-f', 'rtsp', '{rtsp}/live'])
server.publish([...clip, '-vn', '-c', 'copy', '-f', 'rtsp', '{rtsp}/music'])
const song = join(server.movies, '..', 'song.mp3')
execFileSync('ffmpeg', ['-v', 'error', '-i', join(samples, 'clock.mp4'), '-vn', song])
const dubbed = join(server.movies, 'dubbed.mp4')
dub(join(samples, 'clock.mp4'), dubbed)
server.publish([
  '-stream_loop',
  '-1',
  '-i',
  dubbed,
  '-map',
  '0',
  '-c',
  'copy',
  '-f',
  'rtsp',
  '{rtsp}/dubbed',
])
const radio = ['-stream_loop', '-1', '-i', song, '-c', 'copy', '-f', 'mp3']
server.publish([...radio, '-content_type', 'audio/mpeg', 'icecast://source:any@{host}/radio'])

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

/** Watches a movie to its end, with seeks forward, far forward and back on the way. */
async function movie(name, flavour) {
  const viewer = await Viewer.open(
    browser,
    `${server.web}/${name}?engine=hls.js&flavour=${flavour}`,
  )
  await viewer.begin()
  for (const time of [4.5, 10, 1, 9]) {
    await viewer.seek(time)
    await viewer.playTo(time + 1)
  }
  await viewer.page.waitForFunction(() => document.querySelector('video').ended, null, {
    timeout: 15_000,
  })
  const { duration } = await viewer.state()
  const complaints = await viewer.complaints()
  if (Math.abs(duration - 12) > 0.1) complaints.push(`it lasts ${duration} s, not 12`)
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
  await viewer.page.getByRole('button', { name: 'Copy HLS', exact: true }).waitFor()
  complaints.push(...viewer.faults)
  await viewer.close()
  return complaints
}

/** Waits before there is a channel, and sees it begin. */
async function patience() {
  const name = `later-${performance.now().toFixed()}`
  const viewer = await Viewer.open(browser, `${server.web}/${name}?engine=hls.js`)
  await viewer.page.getByText('There is no channel or movie of this name').waitFor()
  server.publish([...clip, '-c', 'copy', '-f', 'rtsp', `{rtsp}/${name}`])
  await viewer.begin()
  const complaints = await viewer.complaints()
  await viewer.close()
  return complaints
}

/** Watches a channel of which the first pictures have just come. */
async function beginning(name, flavour) {
  server.publish([...clip, '-c', 'copy', '-f', 'rtsp', `{rtsp}/${name}`])
  await server.untilLive(name)
  const viewer = await Viewer.open(
    browser,
    `${server.web}/${name}?engine=hls.js&flavour=${flavour}`,
  )
  await viewer.begin()
  const { time } = await viewer.state()
  await viewer.playTo(time + FRESH)
  const complaints = await viewer.complaints()
  await viewer.close()
  return complaints
}

/** Chooses between the sounds of a channel, whose publisher tells no languages. */
async function dubbedLive(flavour) {
  await server.untilLive('dubbed')
  const url = `${server.web}/dubbed?engine=hls.js&flavour=${flavour}`
  return choose(browser, url, ['Sound 1', 'Sound 2'])
}

/** Opens a movie in formats that this browser does not know. */
async function unknown() {
  const name = 'unknown.mp4'
  const formats = ['-c:v', 'libx265', '-x265-params', 'log-level=error', '-tag:v', 'hvc1']
  const parameters = ['-t', '2', '-map', '0:a', '-map', '0:v', '-c:a', 'copy', ...formats]
  const input = ['-v', 'error', '-i', join(samples, 'clock.mp4')]
  execFileSync('ffmpeg', [...input, ...parameters, join(server.movies, name)])
  const viewer = await Viewer.open(browser, `${server.web}/${name}?engine=hls.js&flavour=cmaf`)
  const told = viewer.page.getByText('does not know all of its formats (H.265 + AAC).')
  await told.first().waitFor()
  const complaints = [...viewer.faults]
  if (await viewer.page.getByRole('combobox').count())
    complaints.push('it offers a choice of one sound')
  await viewer.close()
  return complaints
}

const encryptions = [
  ['aes-128', 'one'],
  ['aes-128', 'each'],
  ['aes-128', 'rotate'],
  ['sample-aes', 'each'],
]

const names = ['live', 'music', 'radio', 'dubbed', 'dubbed.mp4', ...movies]

/** They take their minute side by side, with nobody else, lest the browser itself be what is measured. */
const long = {
  'live low latency': () => live('live', 'engine=hls.js&flavour=low_latency', 25),
  'live fMP4': () => live('live', 'engine=hls.js&flavour=cmaf', 25),
  'live MPEG-TS': () => live('live', 'engine=hls.js&flavour=ts', 25),
  'live sound, low latency': () => live('music', 'engine=hls.js', 0),
  'live sound, packed': () => live('music', 'engine=hls.js&flavour=ts', 0),
  'radio in MP3': () => live('radio', 'engine=hls.js', 0),
}

/** These come after them, one after the other. */
const short = {
  'the list': list,
  'a channel that begins later': patience,
  'the first second of a channel, fMP4': () => beginning('fresh-cmaf', 'cmaf'),
  'the first second of a channel, MPEG-TS': () => beginning('fresh-ts', 'ts'),
  'the playlists': () => readAll(server, names, FLAVOURS),
  'a movie, fMP4': () => movie('clock.mp4', 'low_latency'),
  'a movie, MPEG-TS': () => movie('clock-hinted.mov', 'ts'),
  'sounds of a movie, fMP4': () => choose(browser, `${server.web}/dubbed.mp4?engine=hls.js`),
  'sounds of a movie, MPEG-TS': () =>
    choose(browser, `${server.web}/dubbed.mp4?engine=hls.js&flavour=ts`),
  'sounds of a channel, low latency': () => dubbedLive('low_latency'),
  'sounds of a channel, MPEG-TS': () => dubbedLive('ts'),
  'qualities of a group, low latency': () => change(browser, server, 'low_latency'),
  'qualities of a group, fMP4': () => change(browser, server, 'cmaf'),
  'qualities of a group, MPEG-TS': () => change(browser, server, 'ts'),
  'formats that nobody knows': unknown,
  'a sound file': () => movie('tone.m4a', 'cmaf'),
}

/** Runs a case; false when something is wrong. */
async function run([name, play]) {
  const complaints = await play().catch((error) => [error.message])
  console.log(`${complaints.length === 0 ? 'ok' : 'FAILED'} ${name}`)
  for (const complaint of complaints) console.log(`    ${complaint}`)
  return complaints.length === 0
}

/** Runs cases, `width` of them at a time. */
async function runAll(cases, width) {
  const left = Object.entries(cases)
  const passed = []
  const work = async () => {
    for (let one = left.shift(); one; one = left.shift()) passed.push(await run(one))
  }
  await Promise.all(Array.from({ length: width }, work))
  return passed
}

/** Movies of all times, by a server that has H.264 beside what this browser cannot decode. */
async function runFilms() {
  const media = join(root, '..', 'shared', 'media')
  const found = films(['qtss', 'modern'].map((folder) => join(media, folder)))
  if (found.length === 0) console.log('skipped: no movies of the QTSS era, nor of today')
  const paths = found.map(({ path }) => path)
  const theatre = await Server.start(binary, paths, { REELCAST_HLS_COMPAT: 'true' })
  const cases = found.map((film) => [
    film.name,
    () => glance(browser, `${theatre.web}/${film.name}?engine=hls.js`, film),
  ])
  const passed = await runAll(Object.fromEntries(cases), 3)
  return finish(theatre, passed)
}

/** What is encrypted, with keys of each kind. */
async function runEncrypted() {
  const passed = []
  for (const [method, keys] of encryptions) {
    const secret = await Encrypted.start(browser, binary, join(samples, 'clock.mp4'), method, keys)
    const ends = await runAll(secret.cases(), 6)
    passed.push(...(await finish(secret.server, ends)))
  }
  return passed
}

/** What is guarded, by both schemes. */
async function runLogins() {
  const passed = []
  for (const scheme of ['basic', 'digest']) {
    const logins = await Logins.start(browser, binary, join(samples, 'clock.mp4'), scheme)
    passed.push(...(await finish(logins.server, await runAll(logins.cases(), 3))))
  }
  return passed
}

/** A server that is away for a moment, and for longer. */
async function runRestarts() {
  const passed = []
  for (const [name, isLong] of [
    ['a server that is started again', false],
    ['a server that is away for a while', true],
  ]) {
    const away = await Server.start(binary, [], SETTINGS)
    const cases = { [name]: () => restart(browser, away, join(samples, 'clock.mp4'), isLong) }
    passed.push(...(await finish(away, await runAll(cases, 1))))
  }
  return passed
}

/** Encoders that misbehave, all at once. */
async function runFaults() {
  const server = await Server.start(binary, [])
  const path = (name) => join(server.movies, '..', name)
  misbehave(server, join(samples, 'clock.mp4'), path)
  const cases = { 'encoders that misbehave': () => endure(browser, server) }
  return finish(server, await runAll(cases, 1))
}

/** A camera whose pictures and sound this browser does not know, each time the first viewer. */
async function runCameras() {
  const passed = []
  for (const flavour of ['low_latency', 'cmaf']) {
    const server = await Server.start(binary, [], { REELCAST_HLS_COMPAT: 'true' })
    film(server, join(server.movies, '..', 'camera.mkv'))
    const name = `a camera in H.265, ${flavour}`
    const cases = { [name]: () => watch(browser, server, flavour) }
    passed.push(...(await finish(server, await runAll(cases, 1))))
  }
  return passed
}

/** Stops a server; it is heard when something went wrong. */
async function finish(server, passed) {
  await server.stop()
  if (passed.includes(false)) console.log(server.log.map((line) => `server: ${line}`).join('\n'))
  return passed
}

// In its first seconds a channel has less than players of whole segments need to play on.
await new Promise((resolve) => setTimeout(resolve, BEGUN * 1000))
const watched = await runAll(long, Object.keys(long).length)
publish(server, join(samples, 'clock.mp4'), (name) => join(server.movies, '..', name))
const passed = await finish(server, [...watched, ...(await runAll(short, 1))])
passed.push(...(await runFilms()), ...(await runEncrypted()), ...(await runLogins()))
passed.push(...(await runRestarts()), ...(await runFaults()), ...(await runCameras()))
const failed = passed.filter((one) => !one).length
await browser.close()
console.log(`${passed.length - failed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
