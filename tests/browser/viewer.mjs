/** One page in the browser, and how well its player does. */

/** How long a player may take to begin, in milliseconds. */
const BEGINNING = 20_000

/** How long it may take to play on to a place some seconds ahead. */
const PLAYING = 30_000

/** Notes in the page what its media element goes through. */
function watch() {
  const told = { playing: 0, stalls: [], errors: [], violations: [] }
  window.told = told
  const note = (name, what) =>
    document.addEventListener(name, (event) => what(event, event.target), true)
  note('playing', () => (told.playing += 1))
  note('waiting', (_, media) => {
    if (told.playing === 0 || media.seeking) return
    const { currentTime, buffered } = media
    const spans = Array.from({ length: buffered.length }, (_, at) => [
      buffered.start(at),
      buffered.end(at),
    ])
    told.stalls.push({ currentTime, spans })
  })
  note('error', (_, media) => {
    if (!(media instanceof HTMLMediaElement)) return
    told.errors.push({ text: media.error?.message ?? 'error', fatal: true })
  })
  note('playbackerror', ({ detail }) => {
    // Seeking stops what is being loaded.
    if (detail.details === 'aborted') return
    told.errors.push({ text: `${detail.details}: ${detail.message}`, fatal: detail.fatal })
  })
  note('securitypolicyviolation', (event) =>
    told.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
  )
}

/** Gives the page a measure of how little blank a picture is: the standard deviation of its brightness. */
function measure() {
  window.contrast = (media) => {
    const [width, height] = [64, 36]
    const context = new OffscreenCanvas(width, height).getContext('2d')
    context.drawImage(media, 0, 0, width, height)
    const { data } = context.getImageData(0, 0, width, height)
    const greens = Array.from({ length: width * height }, (_, at) => data[at * 4 + 1])
    const mean = greens.reduce((sum, green) => sum + green, 0) / greens.length
    const squares = greens.reduce((sum, green) => sum + (green - mean) ** 2, 0)
    return Math.sqrt(squares / greens.length)
  }
}

export class Viewer {
  /** Opens `url`, with a login if the server asks for one; `prepare` is given the page before. */
  static async open(browser, url, prepare = () => undefined, login = undefined) {
    const viewer = new Viewer()
    viewer.context = await browser.newContext({
      viewport: { width: 960, height: 720 },
      httpCredentials: login,
    })
    viewer.page = await viewer.context.newPage()
    viewer.faults = []
    viewer.page.on('pageerror', (error) => viewer.faults.push(`script: ${error.message}`))
    viewer.page.on('request', (request) => {
      const { protocol, host } = new URL(request.url())
      if (protocol.startsWith('http') && host !== new URL(url).host) {
        viewer.faults.push(`it asks another server: ${request.url()}`)
      }
    })
    await viewer.page.addInitScript(watch)
    await viewer.page.addInitScript(measure)
    await prepare(viewer.page)
    await viewer.page.goto(url)
    return viewer
  }

  /** Waits until it plays. */
  async begin() {
    await this.page.waitForFunction(() => window.told.playing > 0, null, {
      timeout: BEGINNING,
    })
  }

  /** What the player shows and has gone through. */
  state() {
    return this.page.evaluate(() => {
      const media = document.querySelector('video')
      const quality = media.getVideoPlaybackQuality()
      return {
        ...window.told,
        time: media.currentTime,
        now: performance.now() / 1000,
        duration: media.duration,
        frames: quality.totalVideoFrames,
        dropped: quality.droppedVideoFrames,
        heard: media.webkitAudioDecodedByteCount,
        contrast: window.contrast(media),
        shown: document.querySelector('.cover p')?.textContent ?? '',
      }
    })
  }

  /** Jumps to `time` in seconds, waits until it shows something there, and plays on. */
  async seek(time) {
    await this.page.evaluate((time) => {
      const media = document.querySelector('video')
      return new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error(`no picture at ${time} s`)), 15_000)
        media.addEventListener('seeked', resolve, { once: true })
        media.currentTime = time
        void media.play()
      })
    }, time)
  }

  /** Waits until it has played on to `time` in seconds. */
  async playTo(time) {
    const there = (time) => document.querySelector('video').currentTime >= time
    await this.page.waitForFunction(there, time, { timeout: PLAYING })
  }

  /** All that went wrong, as lines. */
  async complaints() {
    const { errors } = await this.state()
    return [
      ...(await this.failures()),
      ...errors.filter(({ fatal }) => !fatal).map(({ text }) => text),
      ...(await this.stalls()),
    ]
  }

  /** Where it had nothing to show though it had begun, as lines. */
  async stalls() {
    const { stalls } = await this.state()
    return stalls.map(
      ({ currentTime, spans }) =>
        `it stalled at ${currentTime.toFixed(2)} s; it has ${JSON.stringify(spans)}`,
    )
  }

  /** What playing does not get over, as lines. */
  async failures() {
    const { errors } = await this.state()
    const fatal = errors.filter(({ fatal }) => fatal)
    return [...(await this.faultsOfPage()), ...fatal.map(({ text }) => text)]
  }

  /** What is wrong with the page, whatever it has gone through, as lines. */
  async faultsOfPage() {
    const { violations, shown } = await this.state()
    return [
      ...this.faults,
      ...violations.map((violation) => `against the policy: ${violation}`),
      ...(shown ? [`it says: ${shown}`] : []),
    ]
  }

  close() {
    return this.context.close()
  }
}
