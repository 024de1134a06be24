import { expect, it } from 'vitest'

import channel from '../samples/channel.json'
import { addresses, embedCode } from './addresses'
import type { Watch } from './page'

const watch = channel as Watch
const base = new URL('http://[::1]:8080/radio?flavour=ts')

it('spells URLs out', () => {
  expect(addresses(watch, base).map(({ url }) => url)).toEqual([
    'http://[::1]:8080/radio/index.m3u8',
    'http://[::1]:8080/radio/cmaf.m3u8',
    'http://[::1]:8080/radio/ts.m3u8',
    'http://[::1]:8080/radio.mp3',
    'rtsp://[::1]:8554/radio',
  ])
})

it('sends whoever has come by TLS to TLS', () => {
  const secure = new URL('https://media.example:8443/radio')
  const urls = addresses(watch, secure).map(({ url }) => url)
  expect(urls).toContain('https://media.example:8443/radio/index.m3u8')
  expect(urls).toContain('rtsps://media.example:8322/radio')
})

it('leaves out what there is not', () => {
  expect(addresses({ ...watch, endless: null, rtsp_port: null }, base)).toHaveLength(3)
})

it('lets no name break the code for other pages', () => {
  const hostile = { ...watch, name: '"><script>&', url: '/%22%3E%3Cscript%3E&' }
  const code = embedCode(hostile, base)
  expect(code).toContain('src="http://[::1]:8080/%22%3E%3Cscript%3E&amp;?embed"')
  expect(code).toContain('title="&quot;&gt;&lt;script&gt;&amp;"')
})

it('keeps a signature where it stands', () => {
  const signed = { ...watch, url: '/radio?signed=x', endless: null }
  expect(embedCode(signed, base)).toContain('src="http://[::1]:8080/radio?embed&amp;signed=x"')
  const urls = addresses(signed, base).map(({ url }) => url)
  expect(urls.at(-1)).toBe('rtsp://[::1]:8554/radio?signed=x')
})
