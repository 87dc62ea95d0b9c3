import { lookup } from 'node:dns/promises'
import type { RequestListener, Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { formatEndpoint, parseEndpoint, reachableEndpoint } from '../endpoint.ts'
import {
  keepTlsFresh,
  loadTlsServer,
  type TlsServerConfig,
  type TlsServerOptions,
  tlsServerSchema,
} from './tls-server.ts'

// An `import` of node:http reads all its exports, the browser's WebSocket among them, and with that loads undici: 15 MiB.
const http = process.getBuiltinModule('node:http')

/** Settings of every HTTP server. */
export interface HttpServerConfig {
  /** `host:port`. */
  endpoint: string
  tls: TlsServerConfig
}

/** Schema of the settings; spread it into a component's own. @param endpoint default address */
export function httpServerSchema(endpoint: string) {
  return {
    endpoint: { doc: 'host:port to listen on; port 0 takes a free one', format: 'endpoint', default: endpoint },
    tls: tlsServerSchema,
  }
}

/** Path and query of a request. Never throws: whatever a client sends as target, the rest of it is a path that does not exist. */
export function requestTarget({ url = '/' }: { url?: string | undefined }): { path: string; query: URLSearchParams } {
  const cut = url.indexOf('?')
  return { path: cut < 0 ? url : url.slice(0, cut), query: new URLSearchParams(cut < 0 ? '' : url.slice(cut)) }
}

/** A peer that neither sends nor reads for this long is cut off. */
const IDLE_MS = 30_000

/** Connections at a time; more are refused by closing them. */
const MAX_CONNECTIONS = 512

/** An HTTP server on a configured endpoint, with TLS where configured. */
export class HttpServer {
  #config: HttpServerConfig
  #handler: RequestListener
  #failed: (error: Error) => void
  #server: Server | TlsServer | undefined
  #stopReloading = () => {}

  /** @param failed told of faults after the start: unreadable certificates */
  constructor(config: HttpServerConfig, handler: RequestListener, failed: (error: Error) => void = () => {}) {
    this.#config = config
    this.#handler = handler
    this.#failed = failed
  }

  /** @throws Error that names the address, or the TLS file at fault */
  async start(): Promise<void> {
    const options = await loadTlsServer(this.#config.tls)
    const server = options === undefined ? http.createServer(this.#handler) : tlsServer(options, this.#handler)
    server.maxConnections = MAX_CONNECTIONS
    server.setTimeout(IDLE_MS)
    await listen(server, this.#config.endpoint)
    this.#server = server
    if (isTlsServer(server)) this.#stopReloading = keepTlsFresh(this.#config.tls, server, this.#failed)
  }

  /** Port in use; 0 before the start. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? 0
  }

  /** Base URL as reached from this machine, without a final slash. */
  get url(): string {
    const { host, port } = parseEndpoint(this.#config.endpoint)
    const scheme = this.#config.tls.enabled ? 'https' : 'http'
    return `${scheme}://${reachableEndpoint({ host, port: this.port || port })}`
  }

  /** Ends idle connections at once and the others when they are answered or the deadline has passed. */
  async shutdown(deadlineMs: number): Promise<void> {
    this.#stopReloading()
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const timer = setTimeout(() => server.closeAllConnections(), Math.max(deadlineMs - Date.now(), 0))
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    })
    clearTimeout(timer)
  }
}

function tlsServer(options: TlsServerOptions, handler: RequestListener): TlsServer {
  return process.getBuiltinModule('node:https').createServer(options, handler)
}

function isTlsServer(server: Server | TlsServer): server is TlsServer {
  return 'setSecureContext' in server
}

/** IPv4 first: `localhost` must answer to programs that know only 127.0.0.1. */
async function listen(server: Server, endpoint: string): Promise<void> {
  const { host, port } = parseEndpoint(endpoint)
  try {
    const address = host === '' ? undefined : (await lookup(host, { order: 'ipv4first' })).address
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, ...(address === undefined ? {} : { host: address }) }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    throw new Error(`listen on ${formatEndpoint({ host, port })}: ${listenReason(cause)}`, { cause })
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use: another process has this port, or another component of this configuration',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'permission denied: ports below 1024 need CAP_NET_BIND_SERVICE',
  ENOTFOUND: 'no such host',
}

/** A person's words for why a socket could not be bound. */
export function listenReason(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  return REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause))
}
