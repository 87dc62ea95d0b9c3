import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import type { NetworkNamespace } from './network-namespace.ts'
import { TemporaryFolder } from './temporary-folder.ts'

const PROCESS = fileURLToPath(new URL('./tunnel-process.ts', import.meta.url))

/** Makes a port of this machine's loopback reachable at the loopback of namespaces, through a unix socket: namespaces share files. */
export class Tunnel {
  readonly #port: number
  readonly #folder = new TemporaryFolder()
  readonly #server: net.Server
  readonly #children: ChildProcess[] = []
  readonly #open = new Set<net.Socket>()

  private constructor(port: number) {
    this.#port = port
    this.#server = net.createServer((client) => {
      const target = net.connect(port, '127.0.0.1')
      client.pipe(target).pipe(client)
      for (const end of [client, target]) {
        this.#open.add(end)
        end
          .on('error', () => {})
          .on('close', () => {
            this.#open.delete(end)
            client.destroy()
            target.destroy()
          })
      }
    })
  }

  /** @param port of 127.0.0.1, here and in the namespaces */
  static async to(port: number, ...spaces: readonly NetworkNamespace[]): Promise<Tunnel> {
    const tunnel = new Tunnel(port)
    const socket = `${tunnel.#folder.path}/tunnel.sock`
    tunnel.#server.listen(socket)
    await once(tunnel.#server, 'listening')
    for (const space of spaces) {
      const [program, args] = space.command(process.execPath, PROCESS, String(tunnel.#port), socket)
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      tunnel.#children.push(child)
      await once(child.stdout, 'data')
    }
    return tunnel
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      const gone = once(child, 'exit')
      child.kill()
      await gone
    }
    for (const socket of this.#open) socket.destroy()
    this.#server.close()
    this.#folder.remove()
  }
}
