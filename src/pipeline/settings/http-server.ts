import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Problem } from '../component.ts'
import { formatEndpoint, parseEndpoint, reachableEndpoint } from '../endpoint.ts'
import { type AuthConfig, authSchema, BASIC_CHALLENGE, BasicAuth, checkAuth, NO_AUTH } from './basic-auth.ts'
import { handshakeFailure } from './handshake-failure.ts'
import { listenAddresses, listenOn, listenReason } from './listen.ts'
import { NO_REPORTS, type ServerReports } from './server-reports.ts'
import {
  checkTlsServer,
  HANDSHAKE_TIMEOUT_MS,
  keepTlsFresh,
  loadTlsServer,
  PLAIN_TEXT,
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
  auth: AuthConfig
}

/** An HTTP server in plain text that anybody may ask. */
export const PLAIN_HTTP: Omit<HttpServerConfig, 'endpoint'> = { tls: PLAIN_TEXT, auth: NO_AUTH }

/** Schema of the settings; spread it into a component's own. @param endpoint default address */
export function httpServerSchema(endpoint: string) {
  return {
    endpoint: { doc: 'host:port to listen on; port 0 takes a free one', format: 'endpoint', default: endpoint },
    tls: tlsServerSchema,
    auth: authSchema,
  }
}

/** What settings alone cannot tell. */
export function checkHttpServer({ tls, auth }: HttpServerConfig): Problem[] {
  return [...checkTlsServer(tls, ['tls']), ...checkAuth(auth, tls)]
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

/** An HTTP server on a configured endpoint, with TLS and a password where configured. */
export class HttpServer {
  #config: HttpServerConfig
  #handler: RequestListener
  #reports: ServerReports
  #server: Server | TlsServer | undefined
  #auth: BasicAuth | undefined
  #stopReloading = () => {}

  constructor(config: HttpServerConfig, handler: RequestListener, reports: ServerReports = NO_REPORTS) {
    this.#config = config
    this.#handler = handler
    this.#reports = reports
  }

  /** @throws Error that names the address, or the file at fault */
  async start(): Promise<void> {
    const { tls, auth } = this.#config
    const files = await loadTlsServer(tls)
    this.#auth = await BasicAuth.start(auth.basic, tls.reload_interval, this.#reports)
    const answer: RequestListener = (request, response) => this.#answer(request, response)
    const server = files === undefined ? http.createServer(answer) : tlsServer(files.content.options, answer)
    server.maxConnections = MAX_CONNECTIONS
    server.setTimeout(IDLE_MS)
    server.on('drop', (dropped) => this.#reports.refusedConnection('limit', dropped?.remoteAddress ?? 'unknown'))
    this.#server = server
    if (isTlsServer(server) && files !== undefined) {
      server.on('tlsClientError', (error, socket) => {
        const { failure, reason } = handshakeFailure(error, socket)
        this.#reports.refusedConnection(failure, socket.remoteAddress ?? 'unknown', reason)
      })
      this.#stopReloading = keepTlsFresh(tls, files, server, this.#reports)
    }
    await listen(server, this.#config.endpoint)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.#auth === undefined || this.#auth.accepts(request.headers.authorization)) {
      this.#handler(request, response)
      return
    }
    this.#reports.refusedRequest('unauthenticated', request.socket.remoteAddress ?? 'unknown')
    response.writeHead(401, { 'www-authenticate': BASIC_CHALLENGE, 'content-type': 'text/plain' }).end('unauthorized\n')
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
    this.#auth?.close()
    this.#reports.close()
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
  return process
    .getBuiltinModule('node:https')
    .createServer({ ...options, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, handler)
}

function isTlsServer(server: Server | TlsServer): server is TlsServer {
  return 'setSecureContext' in server
}

async function listen(server: Server, endpoint: string): Promise<void> {
  const { host, port } = parseEndpoint(endpoint)
  try {
    const [address] = await listenAddresses(host)
    await listenOn(server, { port, ...(address === undefined ? {} : { host: address }) })
  } catch (cause) {
    throw new Error(`listen on ${formatEndpoint({ host, port })}: ${listenReason(cause)}`, { cause })
  }
}
