import { expect, it } from 'vitest'

import { clock, hue, length, parts, qualityNames, soundNames, viewers } from './words'

it('shows lengths as clocks do', () => {
  expect([0, 12, 61, 3723.4, -1].map(clock)).toEqual(['0:00', '0:12', '1:01', '1:02:03', '0:00'])
})

it('says lengths as people do', () => {
  expect([12, 60, 70, 625, 3600, 5400, 7199].map(length)).toEqual([
    '12 s',
    '1 min',
    '1 min 10 s',
    '10 min',
    '1 h',
    '1 h 30 min',
    '2 h',
  ])
})

it('counts viewers', () => {
  expect([0, 1, 1200].map(viewers)).toEqual(['0 viewers', '1 viewer', '1,200 viewers'])
})

it('calls qualities by their height, and by their bit rate where that is not enough', () => {
  const quality = (height: number, bitrate: number) => ({ height, bitrate })
  expect(qualityNames([quality(0, 128_000), quality(360, 1e6), quality(1080, 4e6)])).toEqual([
    '0.1 Mbit/s',
    '360p',
    '1080p',
  ])
  expect(qualityNames([quality(720, 1.52e6), quality(720, 3e6)])).toEqual([
    '720p, 1.5 Mbit/s',
    '720p, 3.0 Mbit/s',
  ])
})

it('calls sounds by their languages', () => {
  const names = (...languages: (string | null)[]) =>
    soundNames(languages.map((language) => ({ language })))
  expect(names('deu', 'fr', 'pt-BR')).toEqual(['German', 'French', 'Brazilian Portuguese'])
  expect(names('en', 'en', null, 'und')).toEqual([
    'English (1)',
    'English (2)',
    'Sound 3',
    'Sound 4',
  ])
  expect(names('no language')).toEqual(['no language'])
})

it('parts a name from its folder', () => {
  expect(parts('a/b/c.mov')).toEqual({ folder: 'a/b', file: 'c.mov' })
  expect(parts('c.mov')).toEqual({ folder: '', file: 'c.mov' })
})

it('gives one name one colour', () => {
  expect(hue('live')).toBe(hue('live'))
  expect(hue('live')).not.toBe(hue('news'))
})
