import net, { type AddressInfo } from 'node:net'
import { formatEndpoint, parseEndpoint } from '../../pipeline/endpoint.ts'
import type { GrpcConnections } from '../../pipeline/settings/grpc-connections.ts'
import { listenAddresses, listenOn, listenReason } from '../../pipeline/settings/listen.ts'
import type { HubbleConfig } from './config.ts'
import { listenUnix } from './unix-socket.ts'

/** The sockets that the configuration names. */
export class Listener {
  readonly #connections: GrpcConnections
  readonly #servers: net.Server[] = []

  constructor(connections: GrpcConnections) {
    this.#connections = connections
  }

  /** @returns the endpoint with its real port, `''` without TCP @throws Error that names the setting */
  async start({ endpoint, unix_socket }: HubbleConfig): Promise<string> {
    const bound = endpoint === '' ? '' : await this.#listenTcp(endpoint)
    if (unix_socket.path !== '') {
      const server = net.createServer((socket) => this.#connections.acceptLocal(socket))
      this.#servers.push(server)
      await listenUnix(server, unix_socket)
    }
    return bound
  }

  /** Takes no more connections; those that are open stay. */
  close(): void {
    for (const server of this.#servers.splice(0)) server.close()
  }

  /** On every address of the host (`localhost` has two), at the same port. */
  async #listenTcp(text: string): Promise<string> {
    const endpoint = parseEndpoint(text)
    try {
      let { port } = endpoint
      for (const [i, host] of (await listenAddresses(endpoint.host)).entries()) {
        port = (await this.#bind(host, port, i > 0)) || port
      }
      return formatEndpoint({ ...endpoint, port })
    } catch (cause) {
      throw new Error(`endpoint: cannot listen on ${text}: ${listenReason(cause)}`, { cause })
    }
  }

  /** @returns the port; 0 when a further address of the same host is none of this machine (no IPv6, for example) */
  async #bind(host: string | undefined, port: number, further: boolean): Promise<number> {
    const server = net.createServer((socket) => this.#connections.acceptRemote(socket))
    try {
      await listenOn(server, { port, ...(host === undefined ? {} : { host }) })
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? ''
      if (further && ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(code)) return 0
      throw cause
    }
    this.#servers.push(server)
    return (server.address() as AddressInfo).port
  }
}
