import { describe, expect, it } from 'vitest'

import channel from '../samples/channel.json'
import list from '../samples/list.json'
import missing from '../samples/missing.json'
import { next, withParameter, type List, type Missing, type Watch } from './page'

// That the samples fit the types is what svelte-check holds; that they are true, the server's tests.
const watched = channel as Watch
const listed = list as List
const gone = missing as Missing

describe('next', () => {
  it('shows the news', () => {
    expect(next(gone, watched)).toBe(watched)
    expect(next(listed, { ...listed, channels: [] })).toEqual({ ...listed, channels: [] })
  })

  it('keeps what is watched when it is over', () => {
    expect(next(watched, gone)).toEqual({ ...watched, presence: 'waiting', viewers: 0 })
  })
})

it('adds to the query of an address', () => {
  const added = (url: string) => withParameter(new URL(url), 'json').href
  expect(added('http://h/a')).toBe('http://h/a?json')
  expect(added('http://h/a?embed&signed=x')).toBe('http://h/a?json&embed&signed=x')
})
