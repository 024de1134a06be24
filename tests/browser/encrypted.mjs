/** Channels and movies that a server of their own encrypts, with keys of each kind. */

import { FLAVOURS, readAll } from './playlists.mjs'
import { Server } from './server.mjs'
import { Viewer } from './viewer.mjs'

/** How long each is watched, in seconds. */
const WATCHED = 8

/** Segments are of 2 s, so that some keys come and go meanwhile. */
const SETTINGS = {
  REELCAST_HLS_TARGET_DURATION: '2s',
  REELCAST_HLS_ENCRYPTION_ROTATE_AFTER: '2',
}

/** A server that encrypts the clip, as a movie and as a channel, and the cases that it is for. */
export class Encrypted {
  /** Starts it: `method` and `keys` as in the settings. */
  static async start(browser, binary, clip, method, keys) {
    const one = new Encrypted()
    one.browser = browser
    one.method = method
    one.keys = keys
    one.server = await Server.start(binary, [clip], {
      ...SETTINGS,
      REELCAST_HLS_ENCRYPTION_METHOD: method,
      REELCAST_HLS_ENCRYPTION_KEYS: keys,
    })
    const parameters = ['-stream_loop', '-1', '-i', clip, '-c', 'copy']
    one.server.publish([...parameters, '-f', 'rtsp', '{rtsp}/live'])
    await one.server.untilLive('live')
    return one
  }

  /** The cases by name. */
  cases() {
    const about = `${this.method}, keys: ${this.keys}`
    const read = (flavours) => readAll(this.server, ['live', 'clock.mp4'], flavours)
    if (this.method === 'sample-aes') {
      // Samples in transport streams are not encrypted: there is no such flavour then.
      return {
        [`a movie, ${about}`]: () => this.refuse(),
        [`the playlists, ${about}`]: () => read(FLAVOURS.filter((flavour) => flavour !== 'ts')),
      }
    }
    const named = [
      ...['low_latency', 'ts'].flatMap((flavour) =>
        ['live', 'clock.mp4'].map((name) => [
          `${name} as ${flavour}, ${about}`,
          () => this.play(name, flavour),
        ]),
      ),
      [`another key, ${about}`, () => this.mistake()],
      [`the playlists, ${about}`, () => read(FLAVOURS)],
    ]
    return Object.fromEntries(named)
  }

  /** Watches for some seconds, and counts the keys that it takes. */
  async play(name, flavour) {
    const asked = new Set()
    const viewer = await Viewer.open(this.browser, this.#url(name, flavour), (page) =>
      page.on('request', (request) => {
        if (request.url().endsWith('.key')) asked.add(request.url())
      }),
    )
    await viewer.begin()
    const { time } = await viewer.state()
    await viewer.playTo(time + WATCHED)
    // How smoothly it plays is for those to tell who watch a minute.
    const complaints = await viewer.failures()
    if (this.keys === 'rotate' ? asked.size < 2 : asked.size !== 1) {
      complaints.push(`it took ${asked.size} keys`)
    }
    await viewer.close()
    return complaints
  }

  /** Gives the player another key, with which nothing may be shown. */
  async mistake() {
    const viewer = await Viewer.open(this.browser, this.#url('clock.mp4', 'low_latency'), (page) =>
      page.route('**/*.key', (route) => route.fulfill({ body: Buffer.alloc(16) })),
    )
    await viewer.page
      .getByText(/cannot play/)
      .first()
      .waitFor()
    const { playing } = await viewer.state()
    await viewer.close()
    return playing > 0 ? ['it plays'] : []
  }

  /** Opens what browsers other than Apple's cannot decrypt, of which the page tells. */
  async refuse() {
    const viewer = await Viewer.open(this.browser, `${this.server.web}/clock.mp4?engine=hls.js`)
    await viewer.page
      .getByText(/encrypted in a way/)
      .first()
      .waitFor()
    const { playing } = await viewer.state()
    await viewer.close()
    return playing > 0 ? ['it plays'] : []
  }

  #url(name, flavour) {
    return `${this.server.web}/${name}?engine=hls.js&flavour=${flavour}`
  }
}
