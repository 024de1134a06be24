/** What the query of a page's URL asks for. */

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
  /** It is Apple's, whose own player knows low latency, AirPlay and the lock screen. */
  apple: boolean
}

/** Who plays best; null when nobody can. */
export function bestEngine({ native, mediaSource, apple }: Abilities): Engine | null {
  if (native && (apple || !mediaSource)) {
    return 'native'
  }
  return mediaSource ? 'hls.js' : null
}

export function abilities(media: HTMLMediaElement, window: Window & typeof globalThis): Abilities {
  return {
    native: media.canPlayType('application/vnd.apple.mpegurl') !== '',
    mediaSource: 'MediaSource' in window || 'ManagedMediaSource' in window,
    apple: window.navigator.vendor.startsWith('Apple'),
  }
}
