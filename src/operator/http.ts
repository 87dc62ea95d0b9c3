import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { answerMetrics } from '../pipeline/own-metrics.ts'
import { HttpServer, PLAIN_HTTP, requestTarget } from '../pipeline/settings/http-server.ts'
import type { Telemetry } from '../pipeline/telemetry.ts'

/** `undefined` = well, else what is wrong. */
export type Probe = () => string | undefined

/** `/metrics`, and for the kubelet `/healthz` (alive) and `/readyz` (leading or standing by). */
export class OperatorHttp {
  readonly #server: HttpServer
  readonly #telemetry: Telemetry
  readonly #probes: Readonly<Record<string, Probe>>
  readonly #log: Logger

  constructor(endpoint: string, telemetry: Telemetry, probes: { healthz: Probe; readyz: Probe }, log: Logger) {
    this.#telemetry = telemetry
    this.#probes = { '/healthz': probes.healthz, '/readyz': probes.readyz }
    this.#log = log
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response)
    this.#server = new HttpServer({ endpoint, ...PLAIN_HTTP }, answer)
  }

  get url(): string {
    return this.#server.url
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  shutdown(deadlineMs: number): Promise<void> {
    return this.#server.shutdown(deadlineMs)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path } = requestTarget(request)
    const probe = this.#probes[path]
    if (probe !== undefined) {
      const fault = probe()
      response.writeHead(fault === undefined ? 200 : 503, { 'content-type': 'text/plain' }).end(`${fault ?? 'ok'}\n`)
      return
    }
    if (path !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('there are /metrics, /healthz and /readyz\n')
      return
    }
    await answerMetrics([request, response], this.#telemetry, 'UnderscoreEscapingWithSuffixes', this.#log)
  }
}
