/** The program under test, as a process of its own, and what is published to it. */

import { spawn } from 'node:child_process'
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'

export class Server {
  #children = []
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
    const child = spawn(binary, ['--config', configuration, server.movies], {
      env,
      cwd: server.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    server.#children.push(child)
    server.log = []
    createInterface(child.stderr).on('line', (line) => server.log.push(line))
    for await (const line of createInterface(child.stdout)) {
      const told = /RTSP: ([^ ;]+).*HTTP tunnel: ([^ ;]+)/.exec(line)
      if (told) {
        server.rtsp = `rtsp://${told[1]}`
        server.web = `http://${told[2]}`
        child.stdout.resume()
        return server
      }
    }
    throw new Error(`the server ended before it printed its addresses:\n${server.log.join('\n')}`)
  }

  /** Publishes with ffmpeg for as long as the server runs; `{rtsp}` and `{host}` stand for addresses. */
  publish(parameters) {
    const spelled = parameters.map((one) =>
      one.replace('{rtsp}', this.rtsp).replace('{host}', new URL(this.web).host),
    )
    const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', '-re', ...spelled], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    createInterface(child.stderr).on('line', (line) => this.log.push(`ffmpeg: ${line}`))
    this.#children.push(child)
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

  async stop() {
    for (const child of this.#children.reverse()) {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => child.once('exit', resolve))
      }
    }
    await rm(this.#folder, { recursive: true })
  }
}
