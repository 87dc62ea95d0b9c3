import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Agent } from 'node:https'

// As in `http-server.ts`: an `import` would load undici.
const http = process.getBuiltinModule('node:http')
const https = process.getBuiltinModule('node:https')

/** More of an answer than this is not read. */
const MOST_ANSWER_BYTES = 64 * 1024

/** What a server answered. */
export interface HttpAnswer {
  status: number
  contentType: string
  retryAfter: string | undefined
  /** Cut off where it is too long. */
  body: Uint8Array
}

export interface PostSettings {
  agent: Agent
  headers: OutgoingHttpHeaders
  timeoutMs: number
}

/** One POST; redirects are answers like others. @throws Error when there is no answer in time */
export function post(url: URL, body: Uint8Array, { agent, headers, timeoutMs }: PostSettings): Promise<HttpAnswer> {
  const { request: begin } = url.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    const request: ClientRequest = begin(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': body.length },
    })
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    request.once('response', (response) => void read(response).then(resolve, reject))
    request.on('error', reject)
    request.once('close', () => clearTimeout(timer))
    request.end(body)
  })
}

async function read(response: IncomingMessage): Promise<HttpAnswer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part)
    bytes += part.length
    // Leaving the loop ends the connection.
    if (bytes > MOST_ANSWER_BYTES) break
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    retryAfter: response.headers['retry-after'],
    body: Buffer.concat(parts).subarray(0, MOST_ANSWER_BYTES),
  }
}
