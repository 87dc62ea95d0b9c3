import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Counter, Telemetry } from '../pipeline/telemetry.ts'
import { hasStatus } from './api-error.ts'
import type { ApiClient } from './client.ts'
import { RateLimit } from './rate-limit.ts'
import type { Resource } from './resource.ts'

/** What an Event is about. */
export interface EventSubject {
  apiVersion: string
  kind: string
  name: string
  uid: string
  /** Events about cluster-wide objects go to `default`. */
  namespace?: string
}

export interface EventRecorderOptions {
  client: ApiClient
  telemetry: Telemetry
  log: Logger
  /** Program the Event comes from, for example `fovea-operator`. */
  component: string
  /** Host or pod it comes from. */
  instance: string
  /** Events a second on the long run. */
  perSecond?: number
  burst?: number
  clock?: () => number
}

export const EVENTS: Resource = { group: '', version: 'v1', plural: 'events' }

/** The same thing within this time is one Event whose count grows (as Kubernetes' own recorder does it). */
const SAME_MS = 600_000

/** Events remembered for counting; the oldest are forgotten. */
const REMEMBERED = 1_000

/** Requests under way at a time; further Events are dropped and counted. */
const MAX_PENDING = 64

interface Remembered {
  name: string
  count: number
  untilMs: number
}

/** Tells of something in a cluster as Kubernetes Events, at a bounded rate; an Event that cannot be told is counted. */
export class EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #limit: RateLimit
  readonly #clock: () => number
  readonly #remembered = new Map<string, Remembered>()
  readonly #pending = new Set<Promise<void>>()
  readonly #sent: Counter
  readonly #dropped: Counter

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#clock = options.clock ?? Date.now
    this.#limit = new RateLimit(options.perSecond ?? 1, options.burst ?? 25, this.#clock)
    const counter = (name: string, help: string) => options.telemetry.counter(`fovea_kubernetes_${name}`, help)
    this.#sent = counter('events_sent', 'Kubernetes Events written.')
    this.#dropped = counter('events_dropped', 'Kubernetes Events not written: too many at once, or refused.')
  }

  /** Tells a Warning about `subject`. @param reason CamelCase, for machines @param message for people */
  warn(subject: EventSubject, reason: string, message: string): void {
    if (this.#pending.size >= MAX_PENDING || !this.#limit.tryTake()) {
      this.#dropped.add(1)
      return
    }
    const sending = this.#send(subject, reason, message.slice(0, 1_024))
      .then(() => this.#sent.add(1))
      .catch((error) => {
        this.#dropped.add(1)
        this.#options.log.debug({ err: error }, `Event ${reason} not written`)
      })
      .finally(() => this.#pending.delete(sending))
    this.#pending.add(sending)
  }

  /** Resolves when nothing is under way. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending)
  }

  async #send(subject: EventSubject, reason: string, message: string): Promise<void> {
    const namespace = subject.namespace ?? 'default'
    const key = [subject.uid, reason, message].join('\n')
    const now = this.#clock()
    const known = this.#remembered.get(key)
    const at = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
    if (known !== undefined && known.untilMs > now) {
      known.count++
      const place = { namespace, name: known.name }
      const patch = this.#options.client.merge(EVENTS, place, { count: known.count, lastTimestamp: at })
      // The API server forgets Events after an hour, or when told so.
      const gone = await patch.then(() => false).catch(isGone)
      if (!gone) return
    }
    const name = `${subject.name}.${randomBytes(8).toString('hex')}`
    await this.#options.client.create(EVENTS, { namespace }, this.#event({ subject, reason, message, name, at }))
    this.#remember(key, { name, count: 1, untilMs: now + SAME_MS })
  }

  #event(event: { subject: EventSubject; reason: string; message: string; name: string; at: string }): object {
    const { subject, reason, message, name, at } = event
    const { component, instance } = this.#options
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: subject.namespace ?? 'default' },
      involvedObject: subject,
      reason,
      message,
      type: 'Warning',
      count: 1,
      firstTimestamp: at,
      lastTimestamp: at,
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
    }
  }

  #remember(key: string, value: Remembered): void {
    this.#remembered.delete(key)
    this.#remembered.set(key, value)
    const [oldest] = this.#remembered.keys()
    if (this.#remembered.size > REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest)
  }
}

function isGone(error: unknown): boolean {
  if (hasStatus(error, 404)) return true
  throw error
}
