import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import type { Family } from './family.ts'
import { contentType, negotiate } from './negotiation.ts'
import { escaped, keepsUtf8, type NameStrategy } from './prometheus-names.ts'
import { type TextOptions, writeText } from './text.ts'

/** How metrics are answered, whatever a scraper asks for. */
export interface ExpositionSettings extends Omit<TextOptions, 'openMetrics'> {
  /** Whether OpenMetrics is offered. */
  openMetrics: boolean
  names: NameStrategy
  /** Longest time for one answer, in milliseconds. */
  timeoutMs: number
}

/**
 * Answers a scrape in the format it asks for, chunk by chunk, letting other work run after each and waiting for a slow
 * scraper.
 * @throws AbortError when `timeoutMs` passed, or an Error when the scraper went away; the connection is closed then
 */
export async function expose(
  request: IncomingMessage,
  response: ServerResponse,
  families: readonly Family[],
  settings: ExpositionSettings,
): Promise<void> {
  const { names, openMetrics: offered, timeoutMs } = settings
  const chosen = negotiate(request.headers, { openMetrics: offered, utf8: keepsUtf8(names) })
  const { openMetrics, utf8, gzip } = chosen
  response.setHeader('content-type', contentType(chosen))
  response.setHeader('vary', 'accept, accept-encoding')
  const chunks = writeText(families, { ...settings, openMetrics, names: utf8 ? names : escaped(names) })
  const text = Readable.from(paced(chunks), { highWaterMark: 1 })
  const options = { signal: AbortSignal.timeout(timeoutMs) }
  if (!gzip) return pipeline(text, response, options)
  response.setHeader('content-encoding', 'gzip')
  // Level 1: label text shrinks tenfold at any level, and higher ones cost several times the CPU.
  return pipeline(text, createGzip({ level: 1 }), response, options)
}

async function* paced(chunks: Iterable<string>): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    if (chunk !== '') yield Buffer.from(chunk)
    await setImmediate()
  }
}
