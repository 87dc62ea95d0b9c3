import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import type { NetworkNamespace } from './network-namespace.ts'
import { TemporaryFolder } from './temporary-folder.ts'

const PROCESS = fileURLToPath(new URL('./tunnel-process.ts', import.meta.url))

/** Makes a port of one network namespace's loopback reachable at another's, through a unix socket: namespaces share files. */
export class Tunnel {
  readonly #folder = new TemporaryFolder()
  readonly #server: net.Server
  readonly #children: ChildProcess[] = []
  readonly #open = new Set<net.Socket>()

  /** @param port of 127.0.0.1; 0 = the unix socket */
  private constructor(port: number) {
    this.#server = net.createServer((client) => {
      const target = port === 0 ? net.connect(this.#socket) : net.connect(port, '127.0.0.1')
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
    tunnel.#server.listen(tunnel.#socket)
    await once(tunnel.#server, 'listening')
    for (const space of spaces) await tunnel.#spawn(space, String(port), tunnel.#socket)
    return tunnel
  }

  /** The other way: a port of a namespace, which need not be open yet, at {@link port} here. */
  static async from(space: NetworkNamespace, port: number): Promise<Tunnel> {
    const tunnel = new Tunnel(0)
    await tunnel.#spawn(space, tunnel.#socket, String(port))
    tunnel.#server.listen(0, '127.0.0.1')
    await once(tunnel.#server, 'listening')
    return tunnel
  }

  /** Of 127.0.0.1, where it came {@link from} a namespace. */
  get port(): number {
    return (this.#server.address() as net.AddressInfo).port
  }

  get #socket(): string {
    return `${this.#folder.path}/tunnel.sock`
  }

  async #spawn(space: NetworkNamespace, listen: string, target: string): Promise<void> {
    const [program, args] = space.command(process.execPath, PROCESS, listen, target)
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#children.push(child)
    await once(child.stdout, 'data')
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
