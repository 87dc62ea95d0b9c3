import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ExpositionSettings, expose } from '../../metrics/exposition.ts'
import { Family } from '../../metrics/family.ts'
import type { MetricSource } from '../../metrics/source.ts'
import type { Component, CreateContext, EndpointView } from '../../pipeline/component.ts'
import { HttpServer, requestTarget } from '../../pipeline/settings/http-server.ts'
import { serverReports } from '../../pipeline/settings/server-reports.ts'
import type { PrometheusConfig } from './config.ts'
import { leftOutReport } from './left-out.ts'

const PATH = '/metrics'

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
  readonly #exposition: ExpositionSettings
  readonly #server: HttpServer
  #scrapes = 0

  constructor(context: CreateContext, config: PrometheusConfig, sources: readonly MetricSource[]) {
    this.#context = context
    this.#config = config
    this.#sources = sources
    this.#exposition = { ...expositionOf(config, context.resource), leftOut: leftOutReport(context) }
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response)
    this.#server = new HttpServer(config, answer, serverReports(context))
  }

  /** Port in use: a configured port 0 is any free one. 0 before the start. */
  get port(): number {
    return this.#server.port
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  endpoints(): EndpointView[] {
    return [{ name: 'Prometheus metrics', url: `${this.#server.url}${PATH}`, hint: '' }]
  }

  shutdown(deadlineMs: number): Promise<void> {
    return this.#server.shutdown(deadlineMs)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startMs = performance.now()
    const code = await this.#respond(request, response)
    this.#requests.add(this.#requests.series(code), 1)
    this.#durations.observe(this.#durations.series(code), (performance.now() - startMs) / 1_000)
  }

  /** Returns the label `code` of what was answered. */
  async #respond(request: IncomingMessage, response: ServerResponse): Promise<string> {
    if (requestTarget(request).path !== PATH) return refuse(response, 404, `not found: metrics are at ${PATH}`)
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
      await Promise.all(this.#sources.map((source) => source.refresh?.()))
      await expose(request, response, this.#families(), this.#exposition)
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

function expositionOf(config: PrometheusConfig, resource: CreateContext['resource']): ExpositionSettings {
  const { const_labels, resource_to_telemetry_conversion } = config
  return {
    openMetrics: config.enable_open_metrics,
    names: config.translation_strategy,
    namespace: config.namespace,
    labels: resource_to_telemetry_conversion.enabled ? { ...resource, ...const_labels } : const_labels,
    timestamps: config.send_timestamps,
    createdSamples: config.enable_created_samples,
    timeoutMs: config.write_timeout,
    ...(config.target_info ? { targetInfo: resource } : {}),
  }
}

function refuse(response: ServerResponse, status: number, message: string): string {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`)
  return String(status)
}
