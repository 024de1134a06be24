import { expect, it } from 'vitest'

import { bestEngine, readOptions } from './options'

it('reads what a URL asks for', () => {
  expect(readOptions('')).toEqual({ isEmbedded: false, flavour: null, engine: null })
  expect(readOptions('?embed&flavour=ts&engine=hls.js')).toEqual({
    isEmbedded: true,
    flavour: 'ts',
    engine: 'hls.js',
  })
  expect(readOptions('?engine=flash').engine).toBeNull()
})

it('takes the better player', () => {
  const safari = { native: true, mediaSource: true, apple: true }
  const phone = { native: true, mediaSource: false, apple: true }
  const chromium = { native: true, mediaSource: true, apple: false }
  const firefox = { native: false, mediaSource: true, apple: false }
  const none = { native: false, mediaSource: false, apple: false }
  expect([safari, phone, chromium, firefox, none].map(bestEngine)).toEqual([
    'native',
    'native',
    'hls.js',
    'hls.js',
    null,
  ])
})
