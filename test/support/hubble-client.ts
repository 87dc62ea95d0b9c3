import type { MethodDefinition } from '@grpc/grpc-js'
import {
  type ChannelOptions,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { serviceMethods } from '../../src/hubble/definition.ts'

/** `observer.GetFlowsResponse` as far as tests look at it. */
export interface FlowsResponse {
  flow?: {
    uuid: string
    l4?: { TCP?: { source_port?: number } }
    IP?: { source: string }
    time?: { seconds?: number; nanos?: number }
  }
  lost_events?: { source: number; num_events_lost: number }
  node_name: string
}

/** A gRPC client of the Hubble API made of our own definitions. */
export class HubbleClient {
  readonly #client: Client

  /** @param server `host:port` or `unix:///path` @param channel plain text by default */
  constructor(server: string, channel = credentials.createInsecure(), options: ChannelOptions = {}) {
    this.#client = new Client(server, channel, options)
  }

  /** Begins a stream. */
  stream(service: string, method: string, request: object): ClientReadableStream<FlowsResponse> {
    const { path, requestSerialize, responseDeserialize } = this.#method(service, method)
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request) as never
  }

  /** All answers of GetFlows. Rejects with the status. */
  flows(request: object): Promise<FlowsResponse[]> {
    return new Promise((resolve, reject) => {
      const answers: FlowsResponse[] = []
      const call = this.stream('observer.Observer', 'GetFlows', request)
      call.on('data', (answer) => answers.push(answer))
      call.once('error', reject)
      call.once('end', () => resolve(answers))
    })
  }

  /** All answers of GetFlows as they are on the wire. Rejects with the status. */
  rawFlows(request: object): Promise<Buffer[]> {
    const { path, requestSerialize } = this.#method('observer.Observer', 'GetFlows')
    return new Promise((resolve, reject) => {
      const answers: Buffer[] = []
      const call = this.#client.makeServerStreamRequest(path, requestSerialize, (bytes: Buffer) => bytes, request)
      call.on('data', (answer) => answers.push(answer))
      call.once('error', reject)
      call.once('end', () => resolve(answers))
    })
  }

  /** A unary call. Rejects with the status. @param headers sent with it */
  call(
    service: string,
    method: string,
    request: object = {},
    headers: Record<string, string> = {},
  ): Promise<Record<string, unknown>> {
    const { path, requestSerialize, responseDeserialize } = this.#method(service, method)
    return new Promise((resolve, reject) => {
      const metadata = new Metadata()
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
      const done = (error: ServiceError | null, answer?: object) =>
        error === null ? resolve(answer as Record<string, unknown>) : reject(error)
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, done)
    })
  }

  close(): void {
    this.#client.close()
  }

  #method(service: string, method: string): MethodDefinition<object, object> {
    return serviceMethods(service)[method]!
  }
}
