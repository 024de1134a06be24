/** The program under test, as a process of its own, and what is published to it. */

import { spawn } from 'node:child_process'
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'

export class Server {
  #start
  #child
  #publishers = []
  #folder

  /**
   * Starts `binary` on free ports, with links to `movies`, with `settings` by their variables and with
   * the text of a file of settings, and waits until it says where it is.
   */
  static async start(binary, movies, settings = {}, file = '') {
    const server = new Server()
    server.#folder = await mkdtemp(join(tmpdir(), 'reelcast-browser-'))
    server.movies = join(server.#folder, 'movies')
    await mkdir(server.movies)
    for (const movie of movies) {
      await symlink(movie, join(server.movies, basename(movie)))
    }
    const env = {
      ...process.env,
      ...settings,
      REELCAST_SERVER_STATE: join(server.#folder, 'state'),
    }
    for (const listener of ['RTSP', 'HTTP', 'ADMIN', 'TS']) {
      env[`REELCAST_${listener}_LISTEN`] = '127.0.0.1:0'
    }
    for (const listener of ['RTSP', 'HTTP', 'ADMIN']) {
      env[`REELCAST_${listener}_TLS_LISTEN`] = ''
    }
    const configuration = join(server.#folder, 'reelcast.toml')
    await writeFile(configuration, file)
    const options = { env, cwd: server.#folder, stdio: ['ignore', 'pipe', 'pipe'] }
    server.#start = () => spawn(binary, ['--config', configuration, server.movies], options)
    server.log = []
    await server.run()
    return server
  }

  /** Starts the program, and waits until it says where it is: elsewhere each time. */
  async run() {
    const child = this.#start()
    this.#child = child
    createInterface(child.stderr).on('line', (line) => this.log.push(line))
    for await (const line of createInterface(child.stdout)) {
      const told = /RTSP: ([^ ;]+).*HTTP tunnel: ([^ ;]+)/.exec(line)
      if (told) {
        this.rtsp = `rtsp://${told[1]}`
        this.web = `http://${told[2]}`
        child.stdout.resume()
        return
      }
    }
    throw new Error(`the server ended before it printed its addresses:\n${this.log.join('\n')}`)
  }

  /**
   * Publishes with ffmpeg for as long as the server runs, or until the input ends, for which one can wait; `{rtsp}` and
   * `{host}` stand for addresses.
   */
  publish(parameters) {
    const spelled = parameters.map((one) =>
      one.replace('{rtsp}', this.rtsp).replace('{host}', new URL(this.web).host),
    )
    const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', '-re', ...spelled], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    createInterface(child.stderr).on('line', (line) => this.log.push(`ffmpeg: ${line}`))
    this.#publishers.push(child)
    return new Promise((resolve) => child.once('exit', resolve))
  }

  /** Waits until the page of `name` tells that it is live. */
  async untilLive(name) {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const page = await (await fetch(`${this.web}/${name}?json`)).json()
      if (page.presence === 'live') return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`${name} is not live:\n${this.log.join('\n')}`)
  }

  /** Ends the program, and after it those who publish, who lose it so. */
  async end() {
    for (const child of [this.#child, ...this.#publishers.splice(0)]) await end(child)
  }

  /** Ends everything, and leaves nothing behind. */
  async stop() {
    for (const child of [...this.#publishers, this.#child]) await end(child)
    await rm(this.#folder, { recursive: true })
  }
}

/** Ends a process unless it has ended, and waits for it. */
async function end(child) {
  child.kill()
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once('exit', resolve))
  }
}
