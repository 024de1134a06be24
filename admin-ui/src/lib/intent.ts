/** What a viewer wants of a media element, which forgets it whenever something is loaded into it. */

/** As much of a media element as this looks at. */
type Watched = Pick<
  HTMLMediaElement,
  'HAVE_CURRENT_DATA' | 'addEventListener' | 'currentTime' | 'ended' | 'play' | 'readyState'
>

export class Intent {
  readonly #media: Watched
  #plays = false
  #time = 0

  /** Begins to look at an element, for as long as that is there. */
  constructor(media: Watched) {
    this.#media = media
    media.addEventListener('play', () => (this.#plays = true))
    // Loading pauses without a word, and what comes to its end may go on.
    media.addEventListener('pause', () => (this.#plays &&= media.ended))
    media.addEventListener('seeking', this.#note)
    media.addEventListener('timeupdate', () => {
      // What is being loaded is at 0 until it is put in its place.
      if (media.readyState >= media.HAVE_CURRENT_DATA) this.#note()
    })
  }

  /** Where the viewer is, in seconds. */
  get time(): number {
    return this.#time
  }

  /** Plays what is being loaded, unless the viewer has paused, or has never played. */
  resume(): void {
    // The browser may want a click first, for which its controls are there.
    if (this.#plays) void this.#media.play().catch(() => undefined)
  }

  readonly #note = () => {
    this.#time = this.#media.currentTime
  }
}
