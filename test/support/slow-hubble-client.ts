import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { messageType, serviceMethods } from '../../src/hubble/definition.ts'
import type { FlowsResponse } from './hubble-client.ts'

/** A client of GetFlows that does not read until told to: grpc-js would read ahead without limit. */
export class SlowHubbleClient {
  readonly #session: ClientHttp2Session
  readonly #stream: ClientHttp2Stream

  constructor(server: string, request: object) {
    const { path, requestSerialize } = serviceMethods('observer.Observer').GetFlows!
    this.#session = connect(`http://${server}`)
    this.#session.on('error', () => {})
    this.#stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    this.#stream.on('error', () => {})
    this.#stream.end(frame(requestSerialize(request)))
  }

  /** Begins to read. @param take gets every answer */
  read(take: (answer: FlowsResponse) => void): void {
    const { deserialize } = messageType('observer.GetFlowsResponse')
    this.readEncoded((answer) => take(deserialize(Buffer.from(answer)) as FlowsResponse))
  }

  /** Begins to read. @param take gets every answer as it is on the wire; valid until it returns */
  readEncoded(take: (answer: Uint8Array) => void): void {
    let rest = Buffer.alloc(0)
    this.#stream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      let at = 0
      while (rest.length - at >= 5 && rest.length - at - 5 >= rest.readUInt32BE(at + 1)) {
        const end = at + 5 + rest.readUInt32BE(at + 1)
        take(rest.subarray(at + 5, end))
        at = end
      }
      rest = rest.subarray(at)
    })
  }

  close(): void {
    this.#session.destroy()
  }
}

/** Length-prefixed, uncompressed (gRPC over HTTP/2). */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
