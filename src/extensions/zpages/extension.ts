import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Component, CreateContext, EndpointView, Host } from '../../pipeline/component.ts'
import { HttpServer, requestTarget } from '../../pipeline/settings/http-server.ts'
import { serverReports } from '../../pipeline/settings/server-reports.ts'
import type { ZpagesConfig } from './config.ts'
import { PAGES } from './pages.ts'

const PREFIX = '/debug/'

/** Serves the pages of {@link PAGES} below `/debug/`. */
export class Zpages implements Component {
  #server: HttpServer
  #host: Host
  #clock: () => number

  constructor(context: CreateContext, config: ZpagesConfig, host: Host, clock: () => number = Date.now) {
    this.#host = host
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
    return this.#server.shutdown(deadlineMs)
  }

  endpoints(): EndpointView[] {
    return [{ name: 'Pages about this service', url: `${this.#server.url}${PREFIX}servicez`, hint: '' }]
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { path, query } = requestTarget(request)
    const name = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : ''
    const page = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined
    if (page === undefined) {
      const known = Object.keys(PAGES).map((known) => PREFIX + known)
      response.writeHead(404, { 'content-type': 'text/plain' }).end(`no such page; there are ${known.join(', ')}\n`)
      return
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(page(this.#host, query, this.#clock()))
  }
}
