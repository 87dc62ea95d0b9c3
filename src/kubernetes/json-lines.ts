import type { Readable } from 'node:stream'

/** Longer lines are refused: etcd's own limit of an object is 1.5 MiB, aggregated API servers may have larger ones. */
const MAX_LINE_BYTES = 32 * 1024 * 1024

const LINE_FEED = 0x0a

/**
 * The JSON values of a stream with one on each line. Bytes are looked at once, and no more than the line under way is kept.
 * @throws Error when a line is no JSON or too long, or what the stream fails with
 */
export async function* jsonLines<T>(stream: Readable, maxBytes = MAX_LINE_BYTES): AsyncGenerator<T> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const tail = chunk.subarray(start, end)
      const line = parts.length === 0 ? tail : Buffer.concat([...parts, tail])
      parts = []
      size = 0
      start = end + 1
      if (line.length > 0) yield parse<T>(line)
    }
    if (start === chunk.length) continue
    parts.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > maxBytes) throw new Error(`a line of a watch is longer than ${maxBytes} bytes`)
  }
  if (size > 0) throw new Error(`a watch ended inside a line of ${size} bytes`)
}

function parse<T>(line: Buffer): T {
  try {
    return JSON.parse(line.toString()) as T
  } catch (cause) {
    throw new Error(`a line of a watch is no JSON: ${line.subarray(0, 80)}`, { cause })
  }
}
