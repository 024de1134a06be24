/** How a page plays: what the query of its URL asks for, and what the browser can. */

import type { Playlist, Watch } from './page'

export type Engine = 'hls.js' | 'native'

export interface Options {
  /** Nothing but the player, for pages of other sites. */
  isEmbedded: boolean
  /** Which playlist to play; the first when it is not said. */
  flavour: string | null
  /** Who plays it; the better one when it is not said. */
  engine: Engine | null
}

export function readOptions(query: string): Options {
  const parameters = new URLSearchParams(query)
  const engine = parameters.get('engine')
  return {
    isEmbedded: parameters.has('embed'),
    flavour: parameters.get('flavour'),
    engine: engine === 'hls.js' || engine === 'native' ? engine : null,
  }
}

/** What a browser has to play HLS with. */
export interface Abilities {
  /** Its own player. */
  native: boolean
  /** Media source extensions, for hls.js. */
  mediaSource: boolean
  /** MP3 in fragmented MP4 by media source extensions, which Chromium lacks. */
  mp3InMp4: boolean
  /** It is Apple's, whose own player knows low latency, AirPlay and the lock screen. */
  apple: boolean
}

/** Who plays best; null when nobody can. */
export function bestEngine({
  native,
  mediaSource,
  apple,
}: Omit<Abilities, 'mp3InMp4'>): Engine | null {
  if (native && (apple || !mediaSource)) {
    return 'native'
  }
  return mediaSource ? 'hls.js' : null
}

export function abilities(media: HTMLMediaElement, window: Window & typeof globalThis): Abilities {
  return {
    native: media.canPlayType('application/vnd.apple.mpegurl') !== '',
    mediaSource: 'MediaSource' in window || 'ManagedMediaSource' in window,
    mp3InMp4: window.MediaSource?.isTypeSupported('audio/mp4; codecs="mp3"') ?? true,
    apple: window.navigator.vendor.startsWith('Apple'),
  }
}

/** The playlists worth trying, the best first; `mp3InMp4` as far as the engine is concerned. */
export function playlistsToTry(
  watch: Watch,
  flavour: string | null,
  mp3InMp4: boolean,
): Playlist[] {
  if (flavour !== null) {
    return watch.playlists.filter((playlist) => playlist.flavour === flavour)
  }
  const isOld = watch.formats.includes('MPEG audio') && !mp3InMp4
  const order = isOld ? ['ts', 'low_latency'] : ['low_latency', 'ts']
  return order.flatMap((name) => watch.playlists.filter(({ flavour }) => flavour === name))
}
