/** One page in the browser, and how well its player does. */

/** How long a player may take to begin, in milliseconds. */
const BEGINNING = 20_000

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
    if (media instanceof HTMLMediaElement) told.errors.push(media.error?.message ?? 'error')
  })
  note('playbackerror', ({ detail }) => told.errors.push(`${detail.details}: ${detail.message}`))
  note('securitypolicyviolation', (event) =>
    told.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
  )
}

export class Viewer {
  /** Opens `url`. */
  static async open(browser, url) {
    const viewer = new Viewer()
    viewer.context = await browser.newContext({
      viewport: { width: 960, height: 720 },
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
        shown: document.querySelector('.cover p')?.textContent ?? '',
      }
    })
  }

  /** Jumps to `time` in seconds, and waits until it shows something there. */
  async seek(time) {
    await this.page.evaluate((time) => {
      const media = document.querySelector('video')
      return new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error(`no picture at ${time} s`)), 15_000)
        media.addEventListener('seeked', resolve, { once: true })
        media.currentTime = time
      })
    }, time)
  }

  /** Waits until it has played on to `time` in seconds. */
  async playTo(time) {
    const there = (time) => document.querySelector('video').currentTime >= time
    await this.page.waitForFunction(there, time, { timeout: 15_000 })
  }

  /** All that went wrong, as lines. */
  async complaints() {
    const { stalls, errors, violations, shown } = await this.state()
    return [
      ...this.faults,
      ...errors,
      ...violations.map((violation) => `against the policy: ${violation}`),
      ...stalls.map(
        ({ currentTime, spans }) =>
          `it stalled at ${currentTime.toFixed(2)} s; it has ${JSON.stringify(spans)}`,
      ),
      ...(shown ? [`it says: ${shown}`] : []),
    ]
  }

  close() {
    return this.context.close()
  }
}
