import { expect, it } from 'vitest'

import { sentence } from './playback'

it('makes a sentence of what the server said', () => {
  expect(sentence('there is no such channel\n')).toBe('There is no such channel.')
  expect(sentence('Wait!\nOr not.')).toBe('Wait!')
  expect(sentence('<!DOCTYPE html>')).toBe('It cannot be played at the moment.')
  expect(sentence('')).toBe('It cannot be played at the moment.')
})
