/** A guarded folder and one within it, as those see them who log in, and those who do not. */

import { execFileSync } from 'node:child_process'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { Server } from './server.mjs'
import { Viewer } from './viewer.mjs'

/** How far each is watched, in seconds. */
const WATCHED = 4

const USERS = { ann: 'secret', bob: 'hidden', cid: 'private' }

/** A server whose folder `members` is for Ann and the family, and `members/staff` for the staff alone. */
export class Logins {
  /** Starts it; users log in by `scheme`. */
  static async start(browser, binary, clip, scheme) {
    const one = new Logins()
    one.browser = browser
    one.scheme = scheme
    one.clip = basename(clip)
    one.server = await Server.start(binary, [])
    const conf = join(one.server.movies, '..', 'conf')
    await mkdir(conf)
    const create = ['-c', 'Films']
    for (const [user, password] of Object.entries(USERS)) {
      const words = ['passwd', ...create.splice(0), join(conf, 'qtusers'), user]
      const input = `${password}\n${password}\n`
      execFileSync(binary, words, { input, stdio: ['pipe', 'ignore', 'ignore'] })
    }
    await writeFile(join(conf, 'qtgroups'), 'family: cid\nstaff: bob\n')
    for (const [folder, rules] of [
      ['members', 'require user ann\nrequire group family\n'],
      ['members/staff', 'require group staff\n'],
    ]) {
      const place = join(one.server.movies, folder)
      await mkdir(place)
      await writeFile(
        join(place, 'qtaccess'),
        `AuthName "Members only"\nAuthScheme ${scheme}\n${rules}`,
      )
      await copyFile(clip, join(place, one.clip))
    }
    const parameters = ['-stream_loop', '-1', '-i', clip, '-c', 'copy']
    one.server.publish([...parameters, '-f', 'rtsp', '{rtsp}/members/live'])
    await one.untilLive()
    return one
  }

  /** The cases by name. */
  cases() {
    const movie = `members/${this.clip}`
    const staff = `members/staff/${this.clip}`
    const plays = [
      ['ann', movie, 'low_latency'],
      ['cid', movie, 'ts'],
      ['bob', staff, 'cmaf'],
      ['ann', 'members/live', 'low_latency'],
      ['cid', 'members/live', 'ts'],
    ].map(([user, name, flavour]) => [
      `${user} watches ${name} as ${flavour} by ${this.scheme}`,
      () => this.play(user, name, flavour),
    ])
    const refusals = [
      ['nobody', undefined, movie],
      ['ann with a wrong password', { username: 'ann', password: 'hidden' }, movie],
      ['bob', login('bob'), movie],
      ['ann', login('ann'), staff],
      ['nobody', undefined, 'members/live'],
    ].map(([who, credentials, name]) => [
      `${who} is not let in to ${name} by ${this.scheme}`,
      () => this.refuse(credentials, name),
    ])
    return Object.fromEntries([...plays, ...refusals])
  }

  /** Watches for some seconds. What is not a playlist has to come without a login. */
  async play(user, name, flavour) {
    const url = `${this.server.web}/${name}?engine=hls.js&flavour=${flavour}`
    const bare = []
    const prepare = (page) =>
      page.on('request', (request) => {
        const { pathname, searchParams } = new URL(request.url())
        const isMedia = pathname.startsWith(`/${name}/`) && !pathname.endsWith('.m3u8')
        if (isMedia && !searchParams.has('pass')) bare.push(pathname)
      })
    const viewer = await Viewer.open(this.browser, url, prepare, login(user))
    await viewer.begin()
    const { time } = await viewer.state()
    await viewer.playTo(time + WATCHED)
    const complaints = [...(await viewer.failures()), ...bare.map((path) => `no pass: ${path}`)]
    await viewer.close()
    return complaints
  }

  /** Asks for the page, the program and the data, and looks at the list that everybody may see. */
  async refuse(credentials, name) {
    const context = await this.browser.newContext({ httpCredentials: credentials })
    const complaints = []
    for (const path of [name, `${name}/index.m3u8`, `${name}?json`]) {
      const page = await context.newPage()
      const status = await page.goto(`${this.server.web}/${path}`).then(
        (response) => response.status(),
        // So Chromium calls it where it has no login to try.
        (error) => (/ERR_INVALID_AUTH_CREDENTIALS/.test(error.message) ? 401 : error.message),
      )
      if (status !== 401) complaints.push(`${path}: ${status}`)
    }
    const page = await context.newPage()
    await page.goto(`${this.server.web}/`)
    if ((await page.content()).includes('members')) complaints.push('the list names the folder')
    await context.close()
    return complaints
  }

  /** Waits until the channel of the folder is live. */
  async untilLive() {
    const words = ['-v', 'error', '-rtsp_transport', 'tcp']
    const url = new URL(`${this.server.rtsp}/members/live`)
    const address = `rtsp://ann:${USERS.ann}@${url.host}${url.pathname}`
    for (let attempt = 0; ; attempt += 1) {
      try {
        execFileSync('ffprobe', [...words, address], { stdio: 'ignore' })
        return
      } catch (error) {
        if (attempt === 100) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
}

function login(user) {
  return { username: user, password: USERS[user] }
}
