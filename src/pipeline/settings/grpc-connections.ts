import type { Socket } from 'node:net'
import tls, { type Server as TlsServer } from 'node:tls'
import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js'
import { type ClientTable, clientOf, LOCAL_CLIENT } from './client-table.ts'
import { handshakeFailure } from './handshake-failure.ts'
import type { ServerReports } from './server-reports.ts'
import { HANDSHAKE_TIMEOUT_MS, keepTlsFresh, loadTlsServer, type TlsServerConfig } from './tls-server.ts'

/** What connections go through. */
export interface ConnectionSettings {
  tls: TlsServerConfig
  clients: ClientTable
  reports: ServerReports
}

/**
 * Connections on their way to a gRPC server. gRPC's own listening knows no limit of connections, no lowest TLS version, and
 * does not tell of handshakes that fail; so sockets are accepted and TLS is spoken here, and gRPC gets what comes out.
 */
export class GrpcConnections {
  readonly #clients: ClientTable
  readonly #reports: ServerReports
  readonly #injector: ConnectionInjector
  readonly #open = new Set<Socket>()
  /** Those of them whose handshake lasts, by the other side's address and port. */
  readonly #shaking = new Map<string, Socket>()
  #allEnded = () => {}
  #tls: TlsServer | undefined
  #stopReloading = () => {}

  private constructor(server: Server, { clients, reports }: ConnectionSettings) {
    this.#clients = clients
    this.#reports = reports
    this.#injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  }

  /** @throws Error that names the file at fault */
  static async create(server: Server, settings: ConnectionSettings): Promise<GrpcConnections> {
    const files = await loadTlsServer(settings.tls)
    const connections = new GrpcConnections(server, settings)
    if (files === undefined) return connections
    const front = connections.#tlsFront(files.content.options)
    connections.#tls = front
    connections.#stopReloading = keepTlsFresh(settings.tls, files, front, settings.reports)
    return connections
  }

  /** Takes a connection of the network: with TLS, where configured. */
  acceptRemote(socket: Socket): void {
    // Without an address it has gone already.
    if (socket.remoteAddress === undefined) return void socket.destroy()
    if (!this.#admit(socket, clientOf(socket.remoteAddress))) return
    if (this.#tls === undefined) {
      this.#injector.injectConnection(socket)
      return
    }
    const place = placeOf(socket)
    this.#shaking.set(place, socket)
    socket.once('close', () => this.#shaking.delete(place))
    this.#tls.emit('connection', socket)
  }

  /** Takes a connection of a unix socket: plain text. */
  acceptLocal(socket: Socket): void {
    if (this.#admit(socket, LOCAL_CLIENT)) this.#injector.injectConnection(socket)
  }

  /** New files are read no longer, and handshakes that still last are cut off: gRPC does not know of them. */
  close(): void {
    this.#stopReloading()
    for (const socket of this.#shaking.values()) socket.destroy()
  }

  /** Waits until every connection has ended, and cuts off those that have not at the deadline. @param deadlineMs Unix milliseconds */
  async ended(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.#destroy(), Math.max(0, deadlineMs - Date.now()))
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#allEnded = resolve))
    clearTimeout(timer)
  }

  #destroy(): void {
    for (const socket of this.#open) socket.destroy()
  }

  #admit(socket: Socket, client: string): boolean {
    const refusal = this.#clients.connect(client)
    if (refusal !== undefined) {
      this.#reports.refusedConnection(refusal, client)
      socket.destroy()
      return false
    }
    this.#open.add(socket)
    // What it means, the session above it knows.
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#clients.disconnect(client)
      if (this.#open.size === 0) this.#allEnded()
    })
    return true
  }

  #tlsFront(options: tls.TlsOptions): TlsServer {
    const front = tls.createServer({ ...options, ALPNProtocols: ['h2'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS })
    front.on('secureConnection', (socket) => {
      this.#shaking.delete(placeOf(socket))
      socket.on('error', () => {})
      this.#injector.injectConnection(socket)
    })
    front.on('tlsClientError', (error, socket) => {
      const { failure, reason } = handshakeFailure(error, socket)
      this.#reports.refusedConnection(failure, clientOf(socket.remoteAddress ?? 'unknown'), reason)
      socket.destroy()
    })
    return front
  }
}

function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
