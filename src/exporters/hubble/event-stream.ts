import type { ServerWritableStream } from '@grpc/grpc-js'
import type { EventLog, LoggedEvent } from '../../flow/event-log.ts'
import { checkTimestamp, type Timestamp } from '../../hubble/timestamp.ts'
import { InvalidRequestError } from './flow-query.ts'
import { PacedCall } from './paced-call.ts'
import type { RunningStream } from './stream-limit.ts'

/** `observer.GetAgentEventsRequest` and `GetDebugEventsRequest` as decoded. */
export interface EventsRequest {
  number?: number
  first?: boolean
  follow?: boolean
  since?: Timestamp | null
  until?: Timestamp | null
}

/** A call of GetAgentEvents or GetDebugEvents. */
export type EventsCall = ServerWritableStream<EventsRequest, object>

export interface EventSource<T> {
  log: EventLog<T>
  /** The event as an answer. */
  encode(event: LoggedEvent<T>): object
  /** Told of events that the log forgot before a client had read them. */
  lost(events: number): void
}

/** Sends one client the events of a log, at the client's pace; positions and ends are those of flows. */
export class EventStream<T> implements RunningStream {
  readonly #call: PacedCall<EventsRequest, object>
  readonly #request: EventsRequest
  readonly #source: EventSource<T>
  #position: number
  readonly #end: number
  #left: number

  /** @throws InvalidRequestError, TimestampError */
  constructor(call: EventsCall, source: EventSource<T>) {
    const { request } = call
    if (request.first && request.follow) throw new InvalidRequestError('first cannot be specified with follow')
    if (request.since) checkTimestamp(request.since)
    if (request.until) checkTimestamp(request.until)
    this.#call = new PacedCall(call)
    this.#request = request
    this.#source = source
    this.#position = startOf(request, source.log)
    this.#end = request.follow ? Number.POSITIVE_INFINITY : source.log.next
    this.#left = request.number && !request.follow ? request.number : Number.POSITIVE_INFINITY
  }

  /** Runs until the answer is complete, the client leaves, or `stop` is called. */
  async run(): Promise<void> {
    const unlisten = this.#source.log.listen(() => this.#call.wake())
    try {
      while (!this.#call.cancelled && (await this.#step()));
    } finally {
      unlisten()
    }
  }

  stop(): void {
    this.#call.stop()
  }

  /** Whether to go on. */
  async #step(): Promise<boolean> {
    const { log, lost } = this.#source
    if (this.#position < log.first) {
      lost(log.first - this.#position)
      this.#position = log.first
    }
    if (this.#left <= 0 || this.#position >= this.#end) return this.#finish()
    if (this.#position < log.next) return this.#send(log.get(this.#position++))
    if (!this.#request.follow) return this.#finish()
    if (this.#call.stopping) {
      this.#call.interrupt()
      return false
    }
    await this.#call.sleep()
    return true
  }

  async #send(logged: LoggedEvent<T>): Promise<boolean> {
    const { follow, since, until } = this.#request
    if (until && compare(logged.timeMs, until) > 0) return follow ? this.#finish() : true
    if (since && compare(logged.timeMs, since) < 0) return true
    this.#left--
    await this.#call.write(this.#source.encode(logged))
    return true
  }

  #finish(): false {
    this.#call.end()
    return false
  }
}

function startOf<T>({ number = 0, first, follow, since }: EventsRequest, log: EventLog<T>): number {
  if (since || first) return log.first
  if (number > 0) return Math.max(log.first, log.next - number)
  return follow ? log.next : log.first
}

/** Negative, 0 or positive as `timeMs` is before, at or after `time`. */
function compare(timeMs: number, { seconds = 0, nanos = 0 }: Timestamp): number {
  return timeMs - (seconds * 1_000 + nanos / 1e6)
}
