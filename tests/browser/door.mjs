/** A port that stays the same whichever server is behind it. */

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'

export class Door {
  #listener
  #behind = null

  /** Opens one with nothing behind it: who comes is sent away. */
  static async open() {
    const door = new Door()
    door.#listener = createServer((client) => door.#pass(client))
    door.#listener.listen(0, '127.0.0.1')
    await once(door.#listener, 'listening')
    door.url = `http://127.0.0.1:${door.#listener.address().port}`
    return door
  }

  /** Leads whoever comes from now on to the server at `url`; null: to nobody. */
  lead(url) {
    this.#behind = url && new URL(url)
  }

  #pass(client) {
    if (!this.#behind) {
      client.on('error', () => undefined)
      client.destroy()
      return
    }
    const { hostname, port } = this.#behind
    const server = connect(port, hostname)
    // When one end is gone, so is the other.
    pipeline(client, server, () => undefined)
    pipeline(server, client, () => undefined)
  }

  close() {
    this.#listener.close()
  }
}
