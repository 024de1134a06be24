/** Plays a playlist on a media element, and goes on after whatever can be got over. */

import type Hls from 'hls.js'
import type { ErrorData, LevelDetails } from 'hls.js'

import type { Intent } from './intent'
import type { Engine } from './options'
import type { Quality, Sound } from './words'

export type Phase =
  | { kind: 'loading' }
  | { kind: 'ready' }
  /** It cannot be played now, and is tried again. */
  | { kind: 'waiting'; reason: string }
  /** It cannot be played. */
  | { kind: 'failed'; reason: string }
  /** The browser cannot decode what it is made of, for it does not know that or finds it broken. */
  | { kind: 'undecodable'; isUnknown: boolean }
  /** A live channel has ended. */
  | { kind: 'over' }

export interface Setting {
  url: string
  engine: Engine
  isLive: boolean
}

/** Who hears how it goes. */
export interface Listener {
  phase(phase: Phase): void
  /** There are these sounds to choose from, of which the one of that index is heard. */
  sounds(sounds: Sound[], chosen: number): void
  /** There are these qualities to choose from, of which the one of that index is kept to; -1: none is. */
  qualities(qualities: Quality[], chosen: number): void
}

/** Failures of hls.js that tell of formats which the browser does not know. */
const UNKNOWN_FORMATS = [
  'manifestIncompatibleCodecsError',
  'bufferAddCodecError',
  'bufferIncompatibleCodecsError',
]

/** How long to wait before the next attempt, in milliseconds. */
const PAUSE = 3000

/** What is told of samples that are encrypted one by one. */
const ENCRYPTED_SAMPLES =
  'It is encrypted in a way that this browser cannot decrypt (SAMPLE-AES); Apple’s players can.'

/** How often a decoder is restarted within that many milliseconds before it is given up. */
const RECOVERIES = 3
const RECOVERY_PERIOD = 30_000

export class Playback {
  readonly #media: HTMLMediaElement
  readonly #intent: Intent
  readonly #setting: Setting
  readonly #listener: Listener
  /** The name of the sound that was chosen last. */
  #sound: string | null = null
  /** The address of the quality that was chosen last. */
  #quality: string | null = null
  /** What the server is told that it is, so that viewers in equal browsers at one address are counted one by one. */
  #session: string | undefined
  #hls: Hls | null = null
  #attempt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #recoveries: number[] = []

  /** Begins to load. */
  constructor(media: HTMLMediaElement, intent: Intent, setting: Setting, listener: Listener) {
    this.#media = media
    this.#intent = intent
    this.#setting = setting
    this.#listener = listener
    media.addEventListener('loadedmetadata', this.#found)
    media.addEventListener('loadeddata', this.#ready)
    media.addEventListener('ended', this.#ended)
    media.addEventListener('error', this.#failed)
    this.restart()
  }

  /** Loads everything anew, and goes on as the viewer had it: playing or paused, a movie at its place. */
  restart(): void {
    this.#unload()
    this.#tell({ kind: 'loading' })
    void this.#load(this.#attempt)
  }

  destroy(): void {
    this.#unload()
    this.#media.removeEventListener('loadedmetadata', this.#found)
    this.#media.removeEventListener('loadeddata', this.#ready)
    this.#media.removeEventListener('ended', this.#ended)
    this.#media.removeEventListener('error', this.#failed)
  }

  /** Goes to the newest that can be played without a stall. */
  goLive(): void {
    const newest = this.#hls?.liveSyncPosition ?? this.#edge()
    if (newest !== null) {
      this.#media.currentTime = newest
    }
    void this.#media.play().catch(() => undefined)
  }

  /** Plays the sound of that index, also after loading anew. */
  choose(index: number): void {
    this.#sound = this.#hls?.audioTracks[index]?.name ?? null
    this.#restoreSound()
  }

  /** Keeps to the quality of that index, also after loading anew; -1: to what the connection allows. */
  keepTo(index: number): void {
    this.#quality = this.#hls?.levels[index]?.uri ?? null
    this.#restoreQuality()
  }

  /** Seconds between what is shown and what is happening; null where that is not known. */
  behind(): number | null {
    const edge = this.#edge()
    if (this.#hls) {
      return this.#hls.latency > 0 ? this.#hls.latency : null
    }
    return edge === null ? null : Math.max(0, edge - this.#media.currentTime)
  }

  /** How far behind it means to be, in seconds. */
  intended(): number {
    return this.#hls?.targetLatency ?? 12
  }

  #edge(): number | null {
    const { seekable } = this.#media
    return seekable.length > 0 ? seekable.end(seekable.length - 1) : null
  }

  async #load(attempt: number): Promise<void> {
    const { url, engine } = this.#setting
    if (engine === 'native') {
      this.#media.src = url
      this.#media.load()
      this.#intent.resume()
      return
    }
    try {
      const [{ default: Hls }, { default: workerPath }] = await Promise.all([
        import('hls.js'),
        import('hls.js/dist/hls.worker.js?url'),
      ])
      if (attempt === this.#attempt) {
        this.#attach(Hls, workerPath)
      }
    } catch {
      if (attempt === this.#attempt) {
        this.#again('The player could not be loaded.')
      }
    }
  }

  #attach(library: typeof Hls, workerPath: string): void {
    const hls = new library({
      workerPath,
      backBufferLength: 60,
      maxLiveSyncPlaybackRate: 1.05,
      startPosition: this.#place(),
      cmcd: { sessionId: this.#session, useHeaders: true, includeKeys: ['sid'] },
    })
    this.#session ??= hls.sessionId
    this.#hls = hls
    hls.on(library.Events.ERROR, (_, data) => this.#problem(data))
    hls.on(library.Events.LEVEL_LOADED, (_, { details }) => this.#inspect(details))
    hls.on(library.Events.LEVEL_SWITCHED, (_, { level }) => this.#forgetAllBut(level))
    hls.on(library.Events.MANIFEST_PARSED, () => this.#restoreQuality())
    hls.on(library.Events.LEVELS_UPDATED, () => this.#restoreQuality())
    hls.on(library.Events.AUDIO_TRACKS_UPDATED, () => this.#restoreSound())
    hls.on(library.Events.AUDIO_TRACK_SWITCHING, () => this.#tellSounds())
    hls.loadSource(this.#setting.url)
    hls.attachMedia(this.#media)
    this.#intent.resume()
  }

  /** Where to begin, in seconds; -1 for where players begin by themselves. */
  #place(): number {
    return this.#setting.isLive ? -1 : this.#intent.time || -1
  }

  #unload(): void {
    this.#attempt += 1
    clearTimeout(this.#timer)
    this.#hls?.destroy()
    this.#hls = null
    if (this.#media.hasAttribute('src')) {
      this.#media.removeAttribute('src')
      this.#media.load()
    }
  }

  #tell(phase: Phase): void {
    this.#listener.phase(phase)
  }

  #tellSounds(): void {
    const sounds = (this.#hls?.audioTracks ?? []).map(({ lang }) => ({ language: lang ?? null }))
    this.#listener.sounds(sounds, this.#hls?.audioTrack ?? -1)
  }

  /** Plays the sound that was chosen, if it is there. */
  #restoreSound(): void {
    const hls = this.#hls
    const index = hls?.audioTracks.findIndex(({ name }) => name === this.#sound) ?? -1
    if (hls && index >= 0) {
      hls.audioTrack = index
    }
    this.#tellSounds()
  }

  /** Keeps to the quality that was chosen, if it is there. */
  #restoreQuality(): void {
    const levels = this.#hls?.levels ?? []
    const index = levels.findIndex(({ uri }) => uri === this.#quality)
    if (this.#hls && (index >= 0 || !this.#hls.autoLevelEnabled)) {
      // What is loaded of another is shown to its end, so that nothing stands still.
      this.#hls.loadLevel = index
    }
    const told = levels.map(({ height, bitrate }) => ({ height, bitrate }))
    this.#listener.qualities(told, index)
  }

  /**
   * Has hls.js read the playlists of other qualities anew when it returns to them. Of one that it has left amid a
   * segment it believes that the segment ended there, and so looks for all that follows too early.
   */
  #forgetAllBut(shown: number): void {
    const { levels = [], loadLevel } = this.#hls ?? {}
    levels.forEach((level, index) => {
      if (index !== shown && index !== loadLevel) level.details = undefined
    })
  }

  readonly #found = () => {
    const place = this.#place()
    // hls.js was told before.
    if (!this.#hls && place >= 0) {
      this.#media.currentTime = place
    }
  }

  readonly #ready = () => this.#tell({ kind: 'ready' })

  readonly #ended = () => {
    if (this.#setting.isLive) {
      this.#tell({ kind: 'over' })
    }
  }

  readonly #failed = () => {
    // hls.js tells of its own failures.
    const { error } = this.#media
    if (!this.#hls && error) {
      const isUnknown = error.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED
      void this.#explain(isUnknown, error.code === MediaError.MEDIA_ERR_NETWORK)
    }
  }

  /** Gives up what hls.js cannot decrypt: it knows encrypted segments, but no encrypted samples in MP4. */
  #inspect({ fragments }: LevelDetails): void {
    if (fragments.some(({ decryptdata }) => decryptdata?.method === 'SAMPLE-AES')) {
      this.#unload()
      this.#tell({ kind: 'failed', reason: ENCRYPTED_SAMPLES })
    }
  }

  #problem(data: ErrorData): void {
    const { type, details, fatal, error } = data
    const detail = { type, details, fatal, message: error.message }
    this.#media.dispatchEvent(new CustomEvent('playbackerror', { detail, bubbles: true }))
    if (!fatal) {
      return
    }
    const isUnknown = UNKNOWN_FORMATS.includes(details)
    if (type === 'mediaError' && !isUnknown && this.#mayRecover()) {
      this.#hls?.recoverMediaError()
      // Which does not load again where nothing has played yet.
      this.#hls?.startLoad(this.#place())
      this.#intent.resume()
    } else {
      void this.#explain(isUnknown, type === 'networkError')
    }
  }

  #mayRecover(): boolean {
    const now = performance.now()
    this.#recoveries = this.#recoveries.filter((at) => now - at < RECOVERY_PERIOD)
    return this.#recoveries.push(now) <= RECOVERIES
  }

  /** Asks the server what is wrong, and tries again where that may help. */
  async #explain(isUnknown: boolean, isOfNetwork: boolean): Promise<void> {
    this.#unload()
    const attempt = this.#attempt
    const answer = await fetch(this.#setting.url).catch(() => null)
    const said = answer && !answer.ok ? await answer.text().catch(() => '') : ''
    if (attempt !== this.#attempt) {
      return
    }
    if (!answer) {
      this.#again('The server cannot be reached.')
    } else if (answer.ok && isOfNetwork) {
      this.#again('Something did not arrive.')
    } else if (answer.ok) {
      this.#tell({ kind: 'undecodable', isUnknown })
    } else if (answer.status === 503 || this.#setting.isLive) {
      this.#again(sentence(said))
    } else {
      this.#tell({ kind: 'failed', reason: sentence(said) })
    }
  }

  #again(reason: string): void {
    this.#tell({ kind: 'waiting', reason })
    const attempt = this.#attempt
    this.#timer = setTimeout(() => void this.#load(attempt), PAUSE)
  }
}

/** What the server said, as a sentence. */
export function sentence(said: string): string {
  const line = said.trim().split('\n')[0] ?? ''
  // A page in HTML is not for here.
  if (line === '' || line.startsWith('<')) {
    return 'It cannot be played at the moment.'
  }
  const text = line.charAt(0).toUpperCase() + line.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}
