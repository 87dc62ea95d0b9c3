import { Server, ServerCredentials, type ServerWritableStream, type status } from '@grpc/grpc-js'
import { serviceMethods } from '../../src/hubble/definition.ts'

/** What of a request tests look at. */
export interface AskedFlows {
  number: number
  follow: boolean
  since: { seconds: number; nanos: number } | null
  whitelist: object[]
  blacklist: object[]
}

type FlowsCall = ServerWritableStream<AskedFlows, Uint8Array>

/** An observer whose answers a test writes, byte by byte: what no well-behaved one sends. */
export class ScriptedObserver {
  /** Requests in the order they came. */
  readonly requests: AskedFlows[] = []
  /** Metadata of the last call. */
  headers: Record<string, unknown> = {}
  #server: Server | undefined
  #calls: FlowsCall[] = []
  #came = () => {}
  readonly #port: number

  /** @param port of 127.0.0.1; 0 = a free one */
  constructor(port = 0) {
    this.#port = port
  }

  /** @returns its address */
  async start(): Promise<string> {
    const server = new Server()
    const methods = serviceMethods('observer.Observer')
    const raw = (bytes: Uint8Array) => Buffer.from(bytes)
    server.addService({ GetFlows: { ...methods.GetFlows!, responseSerialize: raw as never } }, {
      GetFlows: (call: FlowsCall) => {
        this.requests.push(call.request)
        this.headers = call.metadata.getMap()
        this.#calls.push(call)
        call.on('error', () => {})
        this.#came()
      },
    } as never)
    const port = await new Promise<number>((resolve, reject) => {
      const bound = (error: Error | null, number: number) => (error === null ? resolve(number) : reject(error))
      server.bindAsync(`127.0.0.1:${this.#port}`, ServerCredentials.createInsecure(), bound)
    })
    this.#server = server
    return `127.0.0.1:${port}`
  }

  /** Resolves once so many requests have come. */
  async asked(requests: number): Promise<void> {
    while (this.requests.length < requests) {
      await new Promise<void>((resolve) => {
        this.#came = resolve
      })
    }
  }

  /** Sends these to whoever asked last. */
  send(...answers: readonly Uint8Array[]): void {
    for (const answer of answers) this.#calls.at(-1)?.write(answer)
  }

  /** Ends the stream of whoever asked last: with OK, or an error. */
  end(error?: { code: status; details: string }): void {
    const call = this.#calls.at(-1)
    if (error === undefined) call?.end()
    else call?.emit('error', error)
  }

  stop(): void {
    this.#server?.forceShutdown()
  }
}
