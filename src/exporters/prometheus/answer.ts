import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import type { Family } from '../../metrics/family.ts'
import { OPEN_METRICS_CONTENT_TYPE, TEXT_CONTENT_TYPE, writeText } from '../../metrics/text.ts'
import type { Negotiated } from './negotiation.ts'

/**
 * Writes the exposition chunk by chunk, letting other work run after each and waiting for a slow scraper.
 * @throws AbortError when `timeoutMs` passed, or an Error when the scraper went away; the connection is closed then
 */
export async function answer(
  response: ServerResponse,
  families: readonly Family[],
  { openMetrics, gzip }: Negotiated,
  timeoutMs: number,
): Promise<void> {
  response.setHeader('content-type', openMetrics ? OPEN_METRICS_CONTENT_TYPE : TEXT_CONTENT_TYPE)
  response.setHeader('vary', 'accept, accept-encoding')
  const text = Readable.from(paced(writeText(families, { openMetrics })), { highWaterMark: 1 })
  const options = { signal: AbortSignal.timeout(timeoutMs) }
  if (!gzip) return pipeline(text, response, options)
  response.setHeader('content-encoding', 'gzip')
  // Level 1: label text shrinks tenfold at any level, and higher ones cost several times the CPU.
  return pipeline(text, createGzip({ level: 1 }), response, options)
}

async function* paced(chunks: Iterable<string>): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    yield Buffer.from(chunk)
    await setImmediate()
  }
}
