/** What the server tells of a page: the same names as in `src/http/page/data.rs`. */

export type Page = List | Watch | Missing

interface Place {
  /** The path of the list of all that there is; longer than `/` behind some proxies. */
  home: string
}

export interface List extends Place {
  page: 'list'
  /** Empty for the folder that holds all others. */
  folder: string
  channels: Card[]
  movies: Card[]
  /** How many movies more there are. */
  left_out: number
  /** Files are still being looked into, of which some may be movies. */
  is_filling: boolean
  /** There are more files than lists are made of. */
  is_cut: boolean
}

export interface Card {
  name: string
  /** The path of its page. */
  url: string
  presence: Presence
  /** What is on. */
  title: string | null
  viewers: number
  has_video: boolean
  /** In seconds; of movies. */
  duration: number | null
  poster: string | null
}

/** `waiting`: the publisher is gone, but may come back; `idle`: nothing was sent yet. */
export type Presence = 'live' | 'waiting' | 'idle' | 'movie'

export interface Watch extends Card, Place {
  page: 'watch'
  station: string | null
  about: string | null
  formats: string[]
  playlists: Playlist[]
  /** The path of a channel in one endless answer. */
  endless: string | null
  /** The path of a movie's file. */
  download: string | null
  rtsp_port: number | null
  rtsps_port: number | null
}

export interface Playlist {
  flavour: Flavour
  url: string
}

export type Flavour = 'low_latency' | 'cmaf' | 'ts'

export interface Missing extends Place {
  page: 'missing'
  name: string
}

/** The page that the server has written into the document; null where it has not. */
export function embeddedPage(document: Document): Page | null {
  const text = document.getElementById('page')?.textContent
  return text ? (JSON.parse(text) as Page) : null
}

/** The page at an address as it is now. Rejects when the server cannot be reached. */
export async function loadPage(address: URL): Promise<Page> {
  const url = withParameter(address, 'json')
  const response = await fetch(url, { headers: { Accept: 'application/json' } })
  return (await response.json()) as Page
}

/**
 * What to show after `known`, now that the server tells `news`.
 *
 * A channel that is over stays on the page, for there may be something left to watch of it.
 */
export function next(known: Page, news: Page): Page {
  if (known.page === 'watch' && news.page === 'missing') {
    return { ...known, presence: 'waiting', viewers: 0 }
  }
  return news
}

/** An address whose query begins with `name`; what else it has, such as a signature, stays. */
export function withParameter(address: URL, name: string): URL {
  const url = new URL(address)
  url.search = [name, url.search.slice(1)].filter(Boolean).join('&')
  return url
}
