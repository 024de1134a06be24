/** Channels and movies with several sounds: the page offers them, and plays the one that is chosen. */

import { execFileSync } from 'node:child_process'

import { Viewer } from './viewer.mjs'

/** What the page calls the sounds, and the pitch of each in Hz. */
const SOUNDS = [
  { name: 'German', language: 'deu', pitch: 500 },
  { name: 'French', language: 'fra', pitch: 1500 },
]

/** How far a pitch may be from what is measured, in Hz. */
const NEAR = 30

/** Makes the movie `path` of the pictures of `clip` and a tone in each language. */
export function dub(clip, path) {
  const tones = SOUNDS.flatMap(({ pitch }) => ['-f', 'lavfi', '-i', `sine=${pitch}:duration=12`])
  const tracks = SOUNDS.flatMap(({ language }, at) => [
    ...['-map', String(at + 1)],
    ...[`-metadata:s:a:${at}`, `language=${language}`],
  ])
  const copied = ['-map', '0:v', '-c:v', 'copy', '-ac', '2']
  execFileSync('ffmpeg', ['-v', 'error', '-i', clip, ...tones, ...copied, ...tracks, path])
}

/** Gives the page a measure of the pitch that is heard most, in Hz. */
function listen() {
  const context = new AudioContext()
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 })
  context.createMediaElementSource(document.querySelector('video')).connect(analyser)
  analyser.connect(context.destination)
  window.pitch = () => {
    const loudness = new Float32Array(analyser.frequencyBinCount)
    analyser.getFloatFrequencyData(loudness)
    const loudest = loudness.indexOf(Math.max(...loudness))
    return (loudest * context.sampleRate) / analyser.fftSize
  }
}

/** Hears the first sound, the other, and the first again; they are called `names`. */
export async function choose(browser, url, names = SOUNDS.map(({ name }) => name)) {
  const viewer = await Viewer.open(browser, url)
  await viewer.begin()
  await viewer.page.evaluate(listen)
  const choice = viewer.page.getByRole('combobox', { name: 'Sound' })
  const offered = await choice.getByRole('option').allInnerTexts()
  const complaints = []
  if (offered.join() !== names.join()) complaints.push(`it offers ${offered}`)
  const pitches = SOUNDS.map(({ pitch }) => pitch)
  for (const [index, pitch] of [...pitches.entries(), [0, pitches[0]]]) {
    await choice.selectOption({ index })
    const isHeard = ([pitch, near]) => Math.abs(window.pitch() - pitch) < near
    await viewer.page.waitForFunction(isHeard, [pitch, NEAR]).catch(async () => {
      const heard = await viewer.page.evaluate(() => window.pitch())
      complaints.push(`it plays ${heard.toFixed()} Hz in place of ${pitch}`)
    })
  }
  complaints.push(...(await viewer.failures()))
  await viewer.close()
  return complaints
}
