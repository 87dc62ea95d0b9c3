import { type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import type { Counter, Telemetry } from '../pipeline/telemetry.ts'
import type { Access, Connection } from './access.ts'
import { ApiError, type ApiStatus } from './api-error.ts'
import { type Permission, type Place, type Resource, resourceName, resourcePath } from './resource.ts'

/** One request. */
interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  permission: Permission
  path: string
  body?: unknown
  contentType?: string
  signal?: AbortSignal | undefined
}

/** How an object is deleted (meta/v1 DeleteOptions). */
export interface DeleteOptions {
  /** The server refuses (409) when the object is another, or another version of it, by now. */
  preconditions?: { uid?: string; resourceVersion?: string }
  /** 0 = at once, without waiting for the kubelet. */
  gracePeriodSeconds?: number
}

/** Anything with a wait before each write: a rate limit. */
export interface Limiter {
  /** Resolves when the request may be made. @throws the signal's reason */
  take(signal?: AbortSignal): Promise<void>
}

export interface ClientOptions {
  telemetry: Telemetry
  /** Sent as User-Agent, which the API server's audit log and flow control see. */
  userAgent: string
  /** Slows down everything but lists and watches. */
  limiter?: Limiter
}

/** Without an answer after this long a request has failed; its body may take as long again. Watches are read for longer. */
const ANSWER_TIMEOUT_MS = 30_000

/** Content type for objects without spec and status; older servers send them whole. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'

/** Larger answers are refused; a page of 500 objects of 100 KB each is below. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024

/**
 * Requests to the API server as plain JSON objects. Every failed answer is an ApiError; only a 401 is tried a second time,
 * with credentials read anew.
 */
export class ApiClient {
  readonly #access: Access
  readonly #options: ClientOptions
  readonly #counters = new Map<string, Counter>()

  constructor(access: Access, options: ClientOptions) {
    this.#access = access
    this.#options = options
  }

  get access(): Access {
    return this.#access
  }

  /** One object. */
  get<T>(resource: Resource, place: Place & { name: string }, signal?: AbortSignal): Promise<T> {
    return this.#write<T>({ method: 'GET', ...this.#call('get', resource, place), signal })
  }

  /** One page of a list. */
  list<T>(resource: Resource, place: Place, signal?: AbortSignal): Promise<T> {
    return this.#read<T>({ method: 'GET', ...this.#call('list', resource, place), signal })
  }

  /** The open body of a watch. */
  watch(resource: Resource, place: Place, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#answer({ method: 'GET', ...this.#call('watch', resource, place), signal })
  }

  create<T>(resource: Resource, place: Place, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.#write<T>({ method: 'POST', ...this.#call('create', resource, place), body, signal })
  }

  /** Replaces an object; a `metadata.resourceVersion` in it makes the server refuse (409) when it was changed meanwhile. */
  replace<T>(resource: Resource, place: Place & { name: string }, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.#write<T>({ method: 'PUT', ...this.#call('update', resource, place), body, signal })
  }

  /** JSON merge patch (RFC 7386). */
  merge<T>(resource: Resource, place: Place & { name: string }, body: unknown, signal?: AbortSignal): Promise<T> {
    const contentType = 'application/merge-patch+json'
    return this.#write<T>({ method: 'PATCH', ...this.#call('patch', resource, place), body, contentType, signal })
  }

  /** Server-side apply: makes the object or takes over these fields of it, by force. */
  apply<T>(resource: Resource, name: string, body: unknown, manager: string, signal?: AbortSignal): Promise<T> {
    const contentType = 'application/apply-patch+yaml'
    const place = { name, query: { fieldManager: manager, force: true } }
    return this.#write<T>({ method: 'PATCH', ...this.#call('patch', resource, place), body, contentType, signal })
  }

  delete(
    resource: Resource,
    place: Place & { name: string },
    options: DeleteOptions = {},
    signal?: AbortSignal,
  ): Promise<unknown> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
    return this.#write({ method: 'DELETE', ...this.#call('delete', resource, place), body, signal })
  }

  #call(verb: string, resource: Resource, place: Place): { permission: Permission; path: string } {
    return { permission: { verb, resource, namespace: place.namespace }, path: resourcePath(resource, place) }
  }

  async #write<T>(call: Call): Promise<T> {
    await this.#options.limiter?.take(call.signal)
    return this.#read(call)
  }

  async #read<T>(call: Call): Promise<T> {
    const response = await this.#answer(call)
    const timeout = new Error(`${call.permission.verb} ${resourceName(call.permission.resource)}: answer breaks off`)
    const timer = setTimeout(() => response.destroy(timeout), ANSWER_TIMEOUT_MS)
    try {
      return JSON.parse((await readBody(response)).toString()) as T
    } finally {
      clearTimeout(timer)
    }
  }

  /** The answer's head; its body is still to be read. @throws ApiError unless it is a success */
  async #answer(call: Call): Promise<IncomingMessage> {
    let response = await this.#send(call)
    if (response.statusCode === 401) {
      response.destroy()
      this.#access.renew()
      response = await this.#send(call)
    }
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return response
    const text = (await readBody(response)).toString()
    throw new ApiError(call.permission, status, statusObject(text), response.headers)
  }

  async #send(call: Call): Promise<IncomingMessage> {
    const connection = await this.#access.connection()
    const { verb, resource } = call.permission
    try {
      const response = await sendAgain(connection, call, this.#options.userAgent)
      this.#count(verb, resource, String(response.statusCode))
      return response
    } catch (cause) {
      call.signal?.throwIfAborted()
      this.#count(verb, resource, 'error')
      const reason = (cause as Error).message || ((cause as NodeJS.ErrnoException).code ?? 'failed')
      throw new Error(`${verb} ${resourceName(resource)} at ${connection.server.origin}: ${reason}`, { cause })
    }
  }

  #count(verb: string, resource: Resource, code: string): void {
    const labels = { verb, resource: resourceName(resource), code }
    const key = Object.values(labels).join()
    let counter = this.#counters.get(key)
    if (counter === undefined) {
      counter = this.#options.telemetry.counter(
        'fovea_kubernetes_requests',
        'Requests to the API server by verb, resource and status (error: no answer).',
        labels,
      )
      this.#counters.set(key, counter)
    }
    counter.add(1)
  }
}

/** A kept connection may be closed by the server at the very moment it is used again: reading is tried once more then. */
async function sendAgain(connection: Connection, call: Call, userAgent: string): Promise<IncomingMessage> {
  try {
    return await send(connection, call, userAgent)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (call.method !== 'GET' || (code !== 'ECONNRESET' && code !== 'EPIPE')) throw error
    return send(connection, call, userAgent)
  }
}

function send(connection: Connection, call: Call, userAgent: string): Promise<IncomingMessage> {
  const { server, headers, agent, auth } = connection
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
  const accept = call.permission.resource.metadataOnly === true ? METADATA_ONLY : 'application/json'
  const sent: Record<string, string | number> = { ...headers, accept, 'user-agent': userAgent }
  if (body !== undefined) {
    sent['content-type'] = call.contentType ?? 'application/json'
    sent['content-length'] = body.length
  }
  const url = new URL(server.pathname.replace(/\/$/, '') + call.path, server)
  const request = server.protocol === 'http:' ? plainRequest : tlsRequest
  return new Promise((resolve, reject) => {
    const signal = call.signal === undefined ? {} : { signal: call.signal }
    const sending = request(url, { method: call.method, headers: sent, agent, ...signal, ...(auth && { auth }) })
    const timer = setTimeout(
      () => sending.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)),
      ANSWER_TIMEOUT_MS,
    )
    sending.once('response', (response) => {
      clearTimeout(timer)
      resolve(response)
    })
    sending.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    sending.end(body)
  })
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_ANSWER_BYTES) throw new Error(`an answer of the API server is longer than ${MAX_ANSWER_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Proxies in between answer with HTML: then the text itself is the message. */
function statusObject(text: string): ApiStatus {
  try {
    const status = JSON.parse(text) as ApiStatus
    return typeof status === 'object' && status !== null ? status : {}
  } catch {
    return { message: text.slice(0, 200) }
  }
}
