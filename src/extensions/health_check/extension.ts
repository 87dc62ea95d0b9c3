import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Component, CreateContext, EndpointView } from '../../pipeline/component.ts'
import { HttpServer, requestTarget } from '../../pipeline/settings/http-server.ts'
import { serverReports } from '../../pipeline/settings/server-reports.ts'
import type { HealthCheckConfig } from './config.ts'

/**
 * Answers whether the service is ready: between `ready` and `not_ready` 200, otherwise 503. The JSON is that of the
 * Collector's `healthcheckextension` (internal/healthcheck/handler.go).
 */
export class HealthCheck implements Component {
  #config: HealthCheckConfig
  #server: HttpServer
  #readySinceMs: number | undefined
  #clock: () => number

  constructor(context: CreateContext, config: HealthCheckConfig, clock: () => number = Date.now) {
    this.#config = config
    this.#clock = clock
    this.#server = new HttpServer(
      config,
      (request, response) => this.#answer(request, response),
      serverReports(context),
    )
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  shutdown(deadlineMs: number): Promise<void> {
    this.#readySinceMs = undefined
    return this.#server.shutdown(deadlineMs)
  }

  notify(event: 'ready' | 'not_ready'): void {
    this.#readySinceMs = event === 'ready' ? this.#clock() : undefined
  }

  endpoints(): EndpointView[] {
    return [{ name: 'Health', url: `${this.#server.url}${this.#config.path}`, hint: '' }]
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (requestTarget(request).path !== this.#config.path) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n')
      return
    }
    const since = this.#readySinceMs
    const { healthy, unhealthy } = this.#config.response_body
    const text = since === undefined ? unhealthy : healthy
    response
      .writeHead(since === undefined ? 503 : 200, { 'content-type': text === '' ? 'application/json' : 'text/plain' })
      .end(text === '' ? JSON.stringify(this.#status(since)) : text)
  }

  #status(since: number | undefined): Record<string, string> {
    if (since === undefined) return { status: 'Server not available', upSince: '0001-01-01T00:00:00Z', uptime: '' }
    return {
      status: 'Server available',
      upSince: new Date(since).toISOString(),
      uptime: `${(this.#clock() - since) / 1_000}s`,
    }
  }
}
