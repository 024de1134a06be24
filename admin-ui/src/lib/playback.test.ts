import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { Intent } from './intent'
import { Playback, sentence, type Phase, type Setting } from './playback'

/** What stands for hls.js: it is told what to do, and says what happens to it. */
const library = vi.hoisted(() => {
  class Library {
    static readonly Events = new Proxy({}, { get: (_, name) => name })
    static readonly made: Library[] = []
    readonly #listeners = new Map<string, (name: string, data: unknown) => void>()
    readonly config: { startPosition: number }

    constructor(config: { startPosition: number }) {
      this.config = config
      Library.made.push(this)
    }

    on(name: string, listener: (name: string, data: unknown) => void) {
      this.#listeners.set(name, listener)
    }

    loadSource() {}
    attachMedia() {}
    destroy() {}

    /** Says that it cannot go on. */
    fail() {
      const data = { type: 'networkError', details: 'levelLoadError', fatal: true, error: {} }
      this.#listeners.get('ERROR')?.('ERROR', data)
    }
  }
  return Library
})

vi.mock('hls.js', () => ({ default: library }))
vi.mock('hls.js/dist/hls.worker.js?url', () => ({ default: 'worker.js' }))

/** As much of a media element as playback needs. */
class Media extends EventTarget {
  readonly HAVE_CURRENT_DATA = 2
  currentTime = 0
  ended = false
  readyState = 4
  error: { code: number } | null = null
  src = ''
  plays = 0

  async play() {
    this.plays += 1
  }

  load() {}

  hasAttribute() {
    return this.src !== ''
  }

  removeAttribute() {
    this.src = ''
    this.readyState = 0
    this.currentTime = 0
  }

  /** Goes through these events. */
  tell(...names: string[]) {
    for (const name of names) this.dispatchEvent(new Event(name))
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('MediaError', { MEDIA_ERR_NETWORK: 2, MEDIA_ERR_SRC_NOT_SUPPORTED: 4 })
  vi.stubGlobal('fetch', () => Promise.reject(new Error('refused')))
})

afterEach(() => {
  library.made.length = 0
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** Begins to play on an element. */
function begin(media: Media, setting: Omit<Setting, 'url'>): Phase[] {
  const phases: Phase[] = []
  const listener = {
    phase: (phase: Phase) => phases.push(phase),
    sounds: () => undefined,
    qualities: () => undefined,
  }
  const element = media as unknown as HTMLMediaElement
  new Playback(element, new Intent(element), { url: 'index.m3u8', ...setting }, listener)
  return phases
}

/** Lets the player go through what it has waited for. */
async function wait() {
  await vi.advanceTimersByTimeAsync(3000)
  await vi.dynamicImportSettled()
}

it('goes on by hls.js where the server was not there for a while', async () => {
  for (const [isLive, place] of [
    [true, -1],
    [false, 42],
  ] as const) {
    const media = new Media()
    const phases = begin(media, { engine: 'hls.js', isLive })
    await wait()
    const first = library.made.at(-1)
    expect([first?.config.startPosition, media.plays]).toEqual([-1, 0])
    media.currentTime = 42
    media.tell('play', 'seeking', 'playing')
    first?.fail()
    await wait()
    expect(phases.at(-1)).toEqual({ kind: 'waiting', reason: 'The server cannot be reached.' })
    const second = library.made.at(-1)
    expect(second).not.toBe(first)
    expect([second?.config.startPosition, media.plays]).toEqual([place, 1])
  }
})

it('goes on by the browser itself in the same way', async () => {
  for (const [isLive, place] of [
    [true, 0],
    [false, 42],
  ] as const) {
    const media = new Media()
    begin(media, { engine: 'native', isLive })
    media.tell('loadedmetadata')
    expect(media.currentTime).toBe(0)
    media.currentTime = 42
    media.tell('play', 'timeupdate')
    media.error = { code: 2 }
    media.tell('error')
    await wait()
    expect([media.src, media.currentTime, media.plays]).toEqual(['index.m3u8', 0, 1])
    media.tell('loadedmetadata')
    expect(media.currentTime).toBe(place)
  }
})

it('leaves paused what was paused', async () => {
  const media = new Media()
  begin(media, { engine: 'hls.js', isLive: true })
  await wait()
  media.tell('play', 'pause')
  library.made.at(-1)?.fail()
  await wait()
  expect([library.made.length, media.plays]).toEqual([2, 0])
})

it('makes a sentence of what the server said', () => {
  expect(sentence('there is no such channel\n')).toBe('There is no such channel.')
  expect(sentence('Wait!\nOr not.')).toBe('Wait!')
  expect(sentence('<!DOCTYPE html>')).toBe('It cannot be played at the moment.')
  expect(sentence('')).toBe('It cannot be played at the moment.')
})
