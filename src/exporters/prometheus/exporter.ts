import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Family } from '../../metrics/family.ts'
import type { MetricSource } from '../../metrics/source.ts'
import type { Component, CreateContext } from '../../pipeline/component.ts'
import { formatEndpoint, parseEndpoint } from '../../pipeline/endpoint.ts'
import { keepTlsFresh, loadTlsServer, type SecureContextHolder } from '../../pipeline/settings/tls-server.ts'
import { answer } from './answer.ts'
import type { PrometheusConfig } from './config.ts'
import { negotiate } from './negotiation.ts'

const PATH = '/metrics'

/** Open connections: scrapers keep few; more are refused by the operating system's queue and then closed. */
const MAX_CONNECTIONS = 128

/** Label `code` of answers that the scraper did not wait for. */
const ABORTED = 'aborted'

/** Prometheus' default buckets, in seconds. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Serves the series of all its sources at `/metrics`, straight from their tables. */
export class PrometheusExporter implements Component {
  readonly #context: CreateContext
  readonly #config: PrometheusConfig
  readonly #sources: readonly MetricSource[]
  readonly #requests = new Family({
    name: 'hubble_metrics_http_handler_requests_total',
    help: 'A counter for requests to Hubble metrics handler.',
    kind: 'counter',
    labels: ['code'],
  })
  readonly #durations = new Family({
    name: 'hubble_metrics_http_handler_request_duration_seconds',
    help: 'A histogram of latencies of Hubble metrics handler.',
    kind: 'histogram',
    unit: 's',
    labels: ['code'],
    buckets: DURATION_BUCKETS,
  })
  #server: Server | undefined
  #scrapes = 0
  #endTls = () => {}

  constructor(context: CreateContext, config: PrometheusConfig, sources: readonly MetricSource[]) {
    this.#context = context
    this.#config = config
    this.#sources = sources
  }

  /** Where it listens: a configured port 0 is any free one. 0 when it does not listen. */
  get port(): number {
    const address = this.#server?.address() as AddressInfo | null | undefined
    return address?.port ?? 0
  }

  async start(): Promise<void> {
    const tls = await loadTlsServer(this.#config.tls)
    const handle = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response)
    this.#server = tls === undefined ? createServer(handle) : createSecureServer(tls, handle)
    this.#server.headersTimeout = this.#config.read_header_timeout
    this.#server.maxConnections = MAX_CONNECTIONS
    await this.#listen(this.#server)
    if (tls !== undefined) {
      const failed = (error: Error) => this.#context.report({ at: 'recoverable_error', error })
      // An HTTPS server is a holder; the field's type is that of both servers.
      const holder = this.#server as Server & SecureContextHolder
      this.#endTls = keepTlsFresh(this.#config.tls, holder, failed)
    }
    this.#context.log.info({ endpoint: this.#config.endpoint }, 'serving metrics')
  }

  async shutdown(deadlineMs: number): Promise<void> {
    this.#endTls()
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    const timer = setTimeout(() => server.closeAllConnections(), Math.max(0, deadlineMs - Date.now()))
    await closed
    clearTimeout(timer)
  }

  #listen(server: Server): Promise<void> {
    const { host, port } = parseEndpoint(this.#config.endpoint)
    return new Promise((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(this.#config.endpoint, cause)))
      server.listen(port, host === '' ? undefined : host, () => {
        server.removeAllListeners('error')
        server.on('error', (error) => this.#context.report({ at: 'recoverable_error', error }))
        resolve()
      })
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startMs = performance.now()
    const code = await this.#respond(request, response)
    this.#requests.add(this.#requests.series(code), 1)
    this.#durations.observe(this.#durations.series(code), (performance.now() - startMs) / 1_000)
  }

  /** Returns the label `code` of what was answered. */
  async #respond(request: IncomingMessage, response: ServerResponse): Promise<string> {
    if (request.url?.split('?')[0] !== PATH) return refuse(response, 404, `not found: metrics are at ${PATH}`)
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET')
      return refuse(response, 405, 'method not allowed: use GET')
    }
    if (this.#scrapes >= this.#config.max_concurrent_scrapes) {
      response.setHeader('retry-after', '1')
      return refuse(response, 503, 'too many scrapes at once: see max_concurrent_scrapes')
    }
    this.#scrapes++
    try {
      const how = negotiate(request.headers, this.#config.enable_open_metrics)
      await answer(response, this.#families(), how, this.#config.write_timeout)
      return '200'
    } catch (error) {
      this.#context.log.debug({ error }, 'scrape cut off: the scraper went away or took too long')
      return ABORTED
    } finally {
      this.#scrapes--
    }
  }

  #families(): readonly Family[] {
    return [...this.#sources.flatMap((source) => source.families()), this.#requests, this.#durations]
  }
}

function refuse(response: ServerResponse, status: number, message: string): string {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`)
  return String(status)
}

function listenError(endpoint: string, cause: NodeJS.ErrnoException): Error {
  const where = formatEndpoint(parseEndpoint(endpoint))
  const why =
    cause.code === 'EADDRINUSE'
      ? 'the address is already in use, set another "endpoint" or end its user'
      : cause.message
  return new Error(`listen on ${where}: ${why}`, { cause })
}
