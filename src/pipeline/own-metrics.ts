import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { expose } from '../metrics/exposition.ts'
import type { NameStrategy } from '../metrics/prometheus-names.ts'
import type { EndpointView } from './component.ts'
import type { ServiceSettings } from './config/service-settings.ts'
import { formatEndpoint } from './endpoint.ts'
import { HttpServer, PLAIN_HTTP, requestTarget } from './settings/http-server.ts'
import type { Telemetry } from './telemetry.ts'

const PATH = '/metrics'

/** Longest time for one answer. */
const TIMEOUT_MS = 30_000

/** Answers with all metrics of `telemetry`. That a reader went away is logged for debugging alone. */
export async function answerMetrics(
  [request, response]: readonly [IncomingMessage, ServerResponse],
  telemetry: Telemetry,
  names: NameStrategy,
  log: Logger,
): Promise<void> {
  try {
    await expose(request, response, telemetry.families(), { openMetrics: true, names, timeoutMs: TIMEOUT_MS })
  } catch (error) {
    // Whatever else it was, the next read-out shows it again.
    log.debug({ err: error }, 'Own metrics were not read to the end')
  }
}

/** The service's own metrics over HTTP, as `service::telemetry::metrics::readers` says. */
export class OwnMetrics {
  #servers: HttpServer[] = []
  #telemetry: Telemetry
  #log: Logger
  /** The settings it was started with, as text. */
  readonly key: string

  constructor(telemetry: Telemetry, log: Logger, key: string) {
    this.key = key
    this.#telemetry = telemetry
    this.#log = log
  }

  /** @throws Error that names the address at fault */
  async start({ level, readers }: ServiceSettings['telemetry']['metrics']): Promise<void> {
    if (level === 'none') return
    for (const { pull } of readers) {
      const { host = 'localhost', port = 8888 } = pull.exporter.prometheus
      const endpoint = formatEndpoint({ host, port })
      const server = new HttpServer(
        { endpoint, ...PLAIN_HTTP },
        (request, response) => void this.#answer(request, response),
      )
      try {
        await server.start()
      } catch (cause) {
        throw new Error(`service::telemetry::metrics: ${(cause as Error).message}`, { cause })
      }
      this.#servers.push(server)
    }
  }

  async shutdown(deadlineMs: number): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.shutdown(deadlineMs)))
    this.#servers = []
  }

  endpoints(): EndpointView[] {
    return this.#servers.map((server) => ({ name: 'Own metrics', url: `${server.url}${PATH}`, hint: '' }))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (requestTarget(request).path !== PATH) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end(`own metrics are at ${PATH}\n`)
      return
    }
    // The Collector's names as they are: neither units nor `_total`.
    return answerMetrics([request, response], this.#telemetry, 'UnderscoreEscapingWithoutSuffixes', this.#log)
  }
}
