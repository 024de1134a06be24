import { expect, it } from 'vitest'

import channel from '../samples/channel.json'
import { bestEngine, playlistsToTry, readOptions } from './options'
import type { Watch } from './page'

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

it('tries what the browser can decode first', () => {
  const radio = channel as Watch
  const flavours = (watch: Watch, flavour: string | null, mp3InMp4: boolean) =>
    playlistsToTry(watch, flavour, mp3InMp4).map((playlist) => playlist.flavour)
  expect(flavours(radio, null, false)).toEqual(['ts', 'low_latency'])
  expect(flavours(radio, null, true)).toEqual(['low_latency', 'ts'])
  expect(flavours({ ...radio, formats: ['H.264'] }, null, false)).toEqual(['low_latency', 'ts'])
  expect(flavours(radio, 'cmaf', false)).toEqual(['cmaf'])
  expect(flavours({ ...radio, playlists: [] }, null, false)).toEqual([])
})
