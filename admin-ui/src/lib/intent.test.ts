import { expect, it } from 'vitest'

import { Intent } from './intent'

/** As much of a media element as the intent looks at. */
class Media extends EventTarget {
  readonly HAVE_CURRENT_DATA = 2
  currentTime = 0
  ended = false
  readyState = 4
  plays = 0

  async play() {
    this.plays += 1
  }

  /** Goes through these events. */
  tell(...names: string[]) {
    for (const name of names) this.dispatchEvent(new Event(name))
  }
}

/** Whether what went through these events is played when it is loaded anew. */
function isResumed(media: Media, ...names: string[]) {
  const intent = new Intent(media)
  media.tell(...names)
  intent.resume()
  return media.plays === 1
}

it('plays on what has played', () => {
  expect(isResumed(new Media(), 'play', 'playing')).toBe(true)
  expect(isResumed(new Media(), 'play', 'pause', 'play')).toBe(true)
})

it('leaves paused what was paused, or has never played', () => {
  expect(isResumed(new Media())).toBe(false)
  expect(isResumed(new Media(), 'play', 'pause')).toBe(false)
})

it('plays on what has come to its end and goes on', () => {
  const media = new Media()
  media.ended = true
  expect(isResumed(media, 'play', 'pause', 'ended')).toBe(true)
})

it('keeps the place while something is loaded anew', () => {
  const media = new Media()
  const intent = new Intent(media)
  media.currentTime = 7
  media.tell('timeupdate')
  expect(intent.time).toBe(7)
  media.currentTime = 42
  media.tell('seeking')
  media.currentTime = 0
  for (const readyState of [0, 1]) {
    media.readyState = readyState
    media.tell('timeupdate')
  }
  expect(intent.time).toBe(42)
})
