import protobuf from 'protobufjs/minimal.js'

const DETAILS_HEADER = 'grpc-status-details-bin'
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

/**
 * Milliseconds that the server asks to wait (`google.rpc.RetryInfo` in the details of `google.rpc.Status`); undefined
 * when it does not ask, or sent something unreadable.
 */
export function retryInfoMs(error: unknown): number | undefined {
  const metadata = (error as { metadata?: { get?(key: string): unknown[] } }).metadata
  const [bytes] = metadata?.get?.(DETAILS_HEADER) ?? []
  if (!(bytes instanceof Uint8Array)) return undefined
  try {
    for (const detail of fields(bytes, 3)) {
      const [url] = fields(detail, 1)
      if (url === undefined || Buffer.from(url).toString() !== RETRY_INFO) continue
      const [info] = fields(detail, 2)
      const [delay] = fields(info ?? new Uint8Array(), 1)
      return delay === undefined ? 0 : durationMs(delay)
    }
  } catch {
    // Malformed details say nothing about waiting; the status itself is reported by the caller.
  }
  return undefined
}

/** Contents of every length-delimited field of that number. */
function fields(message: Uint8Array, number: number): Uint8Array[] {
  const reader = protobuf.Reader.create(message)
  const found: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === ((number << 3) | 2)) found.push(reader.bytes())
    else reader.skipType(tag & 7)
  }
  return found
}

/** `google.protobuf.Duration`. */
function durationMs(message: Uint8Array): number {
  const reader = protobuf.Reader.create(message)
  let ms = 0
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 8) ms += Number(reader.int64()) * 1_000
    else if (tag === 16) ms += reader.int32() / 1e6
    else reader.skipType(tag & 7)
  }
  return ms
}
