import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import * as grpc from '@grpc/grpc-js'
import { otlpType, readLogsRequest } from './otlp-messages.ts'

/** What a scripted backend does with a request. */
export interface ScriptedAnswer {
  /** HTTP status, or gRPC code; 200 and 0 take the request. */
  status: number
  /** Partial success of a request that is taken. */
  partial?: { rejected: number; error_message: string }
  /** HTTP: header `Retry-After`. */
  retryAfter?: string
  /** gRPC: `google.rpc.RetryInfo`. */
  retryMs?: number
  /** Milliseconds until the answer. */
  afterMs?: number
  /** The connection is reset instead of an answer; the request counts as not taken. */
  reset?: boolean
}

/** A backend of logs that answers as a script says, since no real one can be told to; after the script it takes everything. */
export abstract class ScriptedBackend {
  readonly script: ScriptedAnswer[] = []
  /** When each request came, `performance.now()`. */
  readonly times: number[] = []
  /** `flow.bytes` of every record of the requests that were taken. */
  readonly taken: number[] = []
  /** Headers of the last request. */
  headers: Record<string, unknown> = {}
  port = 0

  abstract start(): Promise<void>
  abstract stop(): void

  protected next(request: Uint8Array, taking: number): ScriptedAnswer {
    this.times.push(performance.now())
    const answer = this.script.shift() ?? { status: taking }
    if (answer.status === taking && answer.reset !== true) {
      for (const { attributes } of readLogsRequest(request).records) this.taken.push(Number(attributes['flow.bytes']))
    }
    return answer
  }
}

function response(partial: ScriptedAnswer['partial']): Buffer {
  const type = otlpType('ExportServiceResponse')
  return Buffer.from(type.encode(partial === undefined ? {} : { partial_success: partial }).finish())
}

/** Over HTTP, at `/v1/logs`. */
export class ScriptedHttpBackend extends ScriptedBackend {
  #server: Server | undefined

  async start(): Promise<void> {
    const server = createServer((request, answer) => void this.#answer(request, answer))
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
  }

  stop(): void {
    this.#server?.close()
    this.#server?.closeAllConnections()
  }

  async #answer(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    this.headers = request.headers
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
    const { status, partial, retryAfter, afterMs = 0, reset } = this.next(plain, 200)
    setTimeout(() => {
      if (reset) return void request.socket.resetAndDestroy()
      const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
      answer.writeHead(status, { 'content-type': 'application/x-protobuf', ...headers }).end(response(partial))
    }, afterMs).unref()
  }
}

type Call = grpc.ServerUnaryCall<Buffer, Buffer>

/** Over gRPC, through connections that can be reset. */
export class ScriptedGrpcBackend extends ScriptedBackend {
  readonly #server = new grpc.Server()
  readonly #relay = createTcpServer((client) => this.#forward(client))
  readonly #connections = new Set<Socket>()
  #serverPort = 0
  readonly #credentials: grpc.ServerCredentials

  constructor(credentials = grpc.ServerCredentials.createInsecure()) {
    super()
    this.#credentials = credentials
  }

  async start(): Promise<void> {
    const same = (bytes: Buffer) => bytes
    const method = {
      path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    }
    this.#server.addService(
      { Export: method },
      { Export: (call: Call, done: grpc.sendUnaryData<Buffer>) => this.#answer(call, done) },
    )
    this.#serverPort = await new Promise<number>((resolve, reject) =>
      this.#server.bindAsync('127.0.0.1:0', this.#credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    )
    await new Promise<void>((resolve) => this.#relay.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.#relay.address() as AddressInfo).port
  }

  stop(): void {
    this.#relay.close()
    for (const connection of this.#connections) connection.destroy()
    this.#server.forceShutdown()
  }

  #forward(client: Socket): void {
    const server = connect(this.#serverPort, '127.0.0.1')
    this.#connections.add(client)
    client.once('close', () => {
      this.#connections.delete(client)
      server.destroy()
    })
    server.once('close', () => client.destroy())
    for (const socket of [client, server]) socket.on('error', () => {})
    client.pipe(server).pipe(client)
  }

  #answer(call: Call, done: grpc.sendUnaryData<Buffer>): void {
    this.headers = call.metadata.getMap()
    const { status, partial, retryMs, afterMs = 0, reset } = this.next(call.request, 0)
    setTimeout(() => {
      if (reset) {
        for (const connection of this.#connections) connection.resetAndDestroy()
        return
      }
      if (status === 0) return done(null, response(partial))
      const metadata = new grpc.Metadata()
      if (retryMs !== undefined) metadata.set('grpc-status-details-bin', retryStatus(status, retryMs))
      done({ code: status, details: 'as the script says', metadata })
    }, afterMs).unref()
  }
}

/** `google.rpc.Status` with a `RetryInfo`. */
export function retryStatus(code: number, retryMs: number): Buffer {
  const encode = (type: string, value: object) => otlpType(type).encode(value).finish()
  const delay = { seconds: Math.floor(retryMs / 1_000), nanos: (retryMs % 1_000) * 1e6 }
  const other = { type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value: new Uint8Array([1]) }
  const info = {
    type_url: 'type.googleapis.com/google.rpc.RetryInfo',
    value: encode('RetryInfo', { retry_delay: delay }),
  }
  return Buffer.from(encode('Status', { code, message: 'busy', details: [other, info] }))
}
