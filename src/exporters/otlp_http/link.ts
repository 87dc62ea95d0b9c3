import { promisify } from 'node:util'
import { gzip, zstdCompress } from 'node:zlib'
import type { CreateContext } from '../../pipeline/component.ts'
import { type Answer, type OtlpLink, type OtlpSignal, readResponse } from '../../pipeline/otlp/answer.ts'
import { userAgent } from '../../pipeline/otlp/user-agent.ts'
import { Authorization } from '../../pipeline/settings/client-auth.ts'
import { reloadEvents } from '../../pipeline/settings/server-reports.ts'
import { type HttpCompression, type OtlpHttpConfig, signalUrl } from './config.ts'
import { HttpConnections } from './connections.ts'
import { statusFailure } from './failure.ts'
import { post } from './post.ts'
import { statusMessage } from './status-message.ts'

const PROTOBUF = 'application/x-protobuf'

const COMPRESSORS: Readonly<Record<HttpCompression, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  gzip: promisify(gzip),
  zstd: promisify(zstdCompress),
  none: (bytes) => Promise.resolve(bytes),
}

/** Errors of a connection's set-up that another attempt cannot change. */
const LASTING = /^(ERR_TLS_CERT_ALTNAME_INVALID|ERR_INVALID_CHAR|ERR_INVALID_URL)$/

/** OTLP over HTTP with protobuf bodies, encoded before. */
export class HttpLink implements OtlpLink {
  readonly #url: URL
  readonly #config: OtlpHttpConfig
  readonly #connections: HttpConnections
  readonly #authorization: Authorization | undefined
  readonly #userAgent: string

  private constructor(
    url: URL,
    config: OtlpHttpConfig,
    {
      connections,
      authorization,
      agent,
    }: { connections: HttpConnections; authorization: Authorization | undefined; agent: string },
  ) {
    this.#url = url
    this.#config = config
    this.#connections = connections
    this.#authorization = authorization
    this.#userAgent = agent
  }

  /** Nothing is connected yet. @throws Error that names the file or setting at fault */
  static async open(context: CreateContext, config: OtlpHttpConfig, signal: OtlpSignal): Promise<HttpLink> {
    const text = signalUrl(config, signal)
    if (text === undefined) throw new Error(`requires "endpoint" or "${signal}_endpoint"`)
    const url = new URL(text)
    const events = reloadEvents(context)
    const authorization = await Authorization.open(config.auth, events)
    const connections = await HttpConnections.open(url.protocol, config, events)
    return new HttpLink(url, config, { connections, authorization, agent: userAgent(context.resource) })
  }

  /** @param _ known since `open` */
  async send(_: OtlpSignal, request: Uint8Array): Promise<Answer> {
    try {
      const body = await COMPRESSORS[this.#config.compression](request)
      const {
        status,
        contentType,
        retryAfter,
        body: answer,
      } = await post(this.#url, body, {
        agent: await this.#connections.agent(),
        headers: await this.#headers(),
        timeoutMs: this.#config.timeout,
      })
      if (status >= 200 && status < 300)
        return readResponse(contentType.startsWith(PROTOBUF) ? answer : new Uint8Array())
      return statusFailure(status, retryAfter, statusMessage(contentType, answer))
    } catch (cause) {
      const code = String((cause as { code?: unknown }).code)
      return { outcome: 'failed', error: cause as Error, passing: !LASTING.test(code) }
    }
  }

  close(): void {
    this.#connections.close()
  }

  async #headers(): Promise<Record<string, string>> {
    const { compression, headers } = this.#config
    return {
      'user-agent': this.#userAgent,
      ...(this.#authorization === undefined ? {} : { authorization: await this.#authorization.value() }),
      ...headers,
      'content-type': PROTOBUF,
      ...(compression === 'none' ? {} : { 'content-encoding': compression }),
    }
  }
}
