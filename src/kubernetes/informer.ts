import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Backoff } from '../pipeline/backoff.ts'
import type { Telemetry } from '../pipeline/telemetry.ts'
import { ApiError, type ApiStatus, hasStatus } from './api-error.ts'
import type { ApiClient } from './client.ts'
import { InformerMetrics } from './informer-metrics.ts'
import { jsonLines } from './json-lines.ts'
import { type KubeObject, type ObjectList, objectKey, type WatchEvent } from './object.ts'
import { type Listener, ObjectStore } from './object-store.ts'
import { type Resource, resourceName } from './resource.ts'

/** What is watched, and what of it is kept. */
export interface InformerOptions<Raw extends KubeObject, T> {
  client: ApiClient
  telemetry: Telemetry
  log: Logger
  resource: Resource
  /** One namespace only; without it all of them. */
  namespace?: string
  labelSelector?: string
  /** For example `spec.nodeName=node-1`. */
  fieldSelector?: string
  /** Keeps of an object what is used, so that nothing else stays in memory; undefined = the object is not wanted. */
  trim(object: Raw): T | undefined
  listener: Listener<T>
  /** Called once, when the first list is complete, or when the resource does not exist here (yet). */
  synced?(): void
  /** The resource is a CRD that may be absent: its absence is no fault and is looked at again. */
  optional?: boolean
  /** Objects of one page; one page is the most that is held untrimmed. */
  pageSize?: number
  timing?: Partial<InformerTiming>
  random?: () => number
}

export interface InformerTiming {
  /** Wait after a first failure; it doubles up to `mostMs`. */
  firstMs: number
  mostMs: number
  /** How often an absent resource is looked for. */
  probeMs: number
  /** A watch is asked to end after this long, up to twice that; then it goes on where it was. */
  watchMs: number
}

const TIMING: InformerTiming = { firstMs: 500, mostMs: 30_000, probeMs: 30_000, watchMs: 240_000 }
const PAGE_SIZE = 500

/** Beyond what was agreed with the server a silent watch counts as dead. */
const WATCH_GRACE_MS = 30_000

/** A watch that ends sooner without an event counts as failed, or it would be opened again in a tight loop. */
const SHORT_WATCH_MS = 1_000

/** What an informer is doing. `waiting` says why it waits. */
export type InformerState =
  | { at: 'idle' | 'listing' | 'watching' | 'absent' | 'stopped' }
  | { at: 'waiting'; error: Error }

/**
 * Holds all objects of one resource as they are, by list and watch. Where a watch breaks off it goes on at the last version
 * seen (bookmarks keep that fresh); where the server has forgotten it (410) everything is listed anew and only differences are
 * told. The client library's own informer keeps whole objects, lists without pages and ends at the first 403: not used.
 */
export class Informer<Raw extends KubeObject, T> {
  readonly #options: InformerOptions<Raw, T>
  readonly #timing: InformerTiming
  readonly #store: ObjectStore<Raw, T>
  readonly #metrics: InformerMetrics
  readonly #backoff: Backoff
  readonly #stopping = new AbortController()
  readonly #random: () => number
  #running: Promise<void> | undefined
  #state: InformerState = { at: 'idle' }
  #synced = false
  /** Version to watch from; `''` = list first. */
  #version = ''
  /** The fault that was told last and is not over; `''` = none. */
  #told = ''
  /** What was told last of an object that could not be read. */
  #leftOut = ''

  constructor(options: InformerOptions<Raw, T>) {
    this.#options = options
    this.#timing = { ...TIMING, ...options.timing }
    this.#random = options.random ?? Math.random
    this.#backoff = new Backoff(this.#timing.firstMs, this.#timing.mostMs, this.#random)
    this.#store = new ObjectStore((object) => this.#trim(object), options.listener)
    this.#metrics = new InformerMetrics(options.telemetry, this.name, () => this.#store.size)
  }

  /** `pods`, `ciliumidentities.cilium.io`. */
  get name(): string {
    return resourceName(this.#options.resource)
  }

  get state(): InformerState {
    return this.#state
  }

  /** Whether a first list was complete, or the resource found absent. */
  get synced(): boolean {
    return this.#synced
  }

  get size(): number {
    return this.#store.size
  }

  /** @param key `namespace/name`, or the name of a cluster-wide object */
  get(key: string): T | undefined {
    return this.#store.get(key)
  }

  values(): Generator<T> {
    return this.#store.values()
  }

  entries(): Generator<[string, T]> {
    return this.#store.entries()
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends the watch; what is held stays readable. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    this.#metrics.end()
    this.#state = { at: 'stopped' }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        if (this.#version === '') await this.#list(signal)
        await this.#watch(signal)
      } catch (error) {
        if (!signal.aborted) await this.#recover(error as Error, signal).catch(() => {}) // the wait ends by stop() only
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    this.#state = { at: 'listing' }
    this.#metrics.relists.add(1)
    this.#store.beginList()
    let token: string | undefined
    let version = ''
    do {
      const query = { ...this.#selectors(), limit: this.#options.pageSize ?? PAGE_SIZE, continue: token }
      const place = { ...this.#namespace(), query }
      const page = await this.#options.client.list<ObjectList<Raw>>(this.#options.resource, place, signal)
      for (const object of page.items ?? []) this.#store.put(object)
      version = page.metadata.resourceVersion
      token = page.metadata.continue === '' ? undefined : page.metadata.continue
    } while (token !== undefined)
    this.#store.endList()
    this.#version = version
    this.#setSynced()
  }

  async #watch(outer: AbortSignal): Promise<void> {
    const watchMs = Math.round(this.#timing.watchMs * (1 + this.#random()))
    const signal = AbortSignal.any([outer, AbortSignal.timeout(watchMs + WATCH_GRACE_MS)])
    const startMs = Date.now()
    const query = {
      ...this.#selectors(),
      watch: true,
      resourceVersion: this.#version,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.ceil(watchMs / 1_000),
    }
    const { client, resource } = this.#options
    const body = await client.watch(resource, { ...this.#namespace(), query }, signal)
    this.#watching()
    let events = 0
    for await (const event of jsonLines<WatchEvent>(body)) {
      this.#apply(event)
      events++
    }
    if (events === 0 && Date.now() - startMs < SHORT_WATCH_MS) throw new Error(`watch ${this.name}: ended at once`)
  }

  #watching(): void {
    if (this.#told !== '') this.#options.log.info(`watch ${this.name}: works again`)
    this.#told = ''
    this.#state = { at: 'watching' }
  }

  #apply({ type, object }: WatchEvent): void {
    const { namespace, resource } = this.#options
    if (type === 'ERROR') {
      const status = object as ApiStatus
      throw new ApiError({ verb: 'watch', resource, namespace }, status.code ?? 500, status)
    }
    const raw = object as Raw
    if (type === 'DELETED') this.#store.remove(raw)
    else if (type !== 'BOOKMARK') this.#store.put(raw)
    this.#version = raw.metadata.resourceVersion
    this.#metrics.events.add(1)
    this.#backoff.reset()
  }

  async #recover(error: Error, signal: AbortSignal): Promise<void> {
    // Any other fault loses no news: the watch goes on at its version.
    if (hasStatus(error, 410)) this.#version = ''
    if (hasStatus(error, 404)) return this.#absent(error, signal)
    this.#metrics.failed(error)
    const waitMs = this.#backoff.next(error instanceof ApiError ? error.retryAfterMs : 0)
    this.#tell(error)
    this.#state = { at: 'waiting', error }
    await sleep(waitMs, undefined, { signal })
  }

  /** The resource does not exist: its objects are gone with it. */
  async #absent(error: Error, signal: AbortSignal): Promise<void> {
    this.#version = ''
    this.#store.beginList()
    this.#store.endList()
    if (this.#options.optional === true) {
      this.#state = { at: 'absent' }
      this.#setSynced()
    } else {
      this.#metrics.failed(error)
      this.#tell(error)
      this.#state = { at: 'waiting', error }
    }
    await sleep(this.#timing.probeMs * (0.5 + this.#random() / 2), undefined, { signal })
  }

  /** An object that nobody can read is left out: it must not keep the news behind it from coming. */
  #trim(object: Raw): T | undefined {
    try {
      return this.#options.trim(object)
    } catch (cause) {
      this.#metrics.failed(cause, 'object')
      const message = `${this.name} ${objectKey(object.metadata)} is left out: ${(cause as Error).message}`
      if (message !== this.#leftOut) this.#options.log.warn(message)
      this.#leftOut = message
      return undefined
    }
  }

  /** The same fault over and over is told once. */
  #tell(error: Error): void {
    if (hasStatus(error, 410)) {
      this.#options.log.debug(`${error.message}: everything is listed anew`)
      return
    }
    if (error.message !== this.#told) this.#options.log.warn(`${error.message}; trying again`)
    this.#told = error.message
  }

  #setSynced(): void {
    if (this.#synced) return
    this.#synced = true
    this.#options.synced?.()
  }

  #selectors(): { labelSelector?: string; fieldSelector?: string } {
    const { labelSelector, fieldSelector } = this.#options
    return { ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) }
  }

  #namespace(): { namespace?: string } {
    const { namespace } = this.#options
    return namespace === undefined ? {} : { namespace }
  }
}
