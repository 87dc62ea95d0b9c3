import { setTimeout as sleep } from 'node:timers/promises'
import type { ChannelCredentials, ClientReadableStream } from '@grpc/grpc-js'
import { Backoff } from '../../pipeline/backoff.ts'
import { Channel, type Target } from './channel.ts'
import type { HubbleReceiverConfig } from './config.ts'
import { type FlowsRequest, followFlows } from './flows-request.ts'
import { readStream } from './read-stream.ts'
import type { ResponseReader } from './response-reader.ts'
import { SeenFlows, type Timestamp } from './seen-flows.ts'

/** How far before its last flow an observer is asked again: it tells flows in the order of arrival, not of their times. */
const OVERLAP_SECONDS = 2

/** Told what happens to a stream. */
export interface StreamListener {
  message(stream: ObserverStream, bytes: Uint8Array): void
  connected(stream: ObserverStream): void
  /** @param first since it worked the last time */
  broken(stream: ObserverStream, error: Error, first: boolean): void
}

export interface StreamSettings {
  target: Target
  /** Of the node, or the endpoint. */
  name: string
  config: HubbleReceiverConfig
  filters: Pick<FlowsRequest, 'whitelist' | 'blacklist'>
  listener: StreamListener
  /** Unix milliseconds. */
  clock?: () => number
}

/** Whether a flow is news. */
export type Novelty = 'new' | 'seen' | 'after_gap'

/** Follows one observer for as long as it is wanted: connects, asks, and when it breaks asks again from where it broke. */
export class ObserverStream {
  readonly settings: StreamSettings
  /** Whether flows may come. */
  isConnected = false
  /** Time of the last flow, and when it came (Unix ms); 0 = none yet. */
  readonly last: Timestamp = { seconds: 0, nanos: 0 }
  lastArrivalMs = 0
  /** Unix milliseconds of the start of the attempt under way. */
  attemptMs = 0
  /** Attempts that failed since the stream worked the last time. */
  failures = 0
  readonly #seen = new SeenFlows()
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  /** Ends the wait for the next attempt. */
  #waiting = new AbortController()
  #target: Target
  /** The attempt under way is to a place where the observer is no more. */
  #moved = false
  readonly #clock: () => number
  #call: ClientReadableStream<Uint8Array> | undefined
  #paused = false
  /** The first flow after a break tells whether others may be missing. */
  #afterBreak = false
  /** Until this time flows without UUID may be those of before the break. */
  #replayedUntil: Timestamp | undefined
  #firstConnected: Timestamp | undefined
  #running: Promise<void> | undefined

  constructor(settings: StreamSettings) {
    this.settings = settings
    this.#target = settings.target
    this.#clock = settings.clock ?? Date.now
    const { initial_interval, max_interval } = settings.config.retry
    this.#backoff = new Backoff(initial_interval, max_interval)
  }

  start(credentials: ChannelCredentials): void {
    this.#running = this.#run(credentials)
  }

  /** Where the observer is reached now. */
  get target(): Target {
    return this.#target
  }

  /** The observer is elsewhere: it is asked there, from where it was left. */
  move(target: Target): void {
    this.#target = target
    this.#moved = true
    this.#waiting.abort()
    this.#call?.cancel()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#waiting.abort()
    this.#call?.cancel()
    await this.#running
  }

  /** Reads no further until `resume`: the observer then waits, and in the end tells what it lost. */
  pause(): void {
    this.#paused = true
    this.#call?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#call?.resume()
  }

  /** Remembers a flow. @param reader has just read it from `bytes` */
  take(bytes: Uint8Array, reader: ResponseReader): Novelty {
    const { uuid, seconds, nanos } = reader
    const hasUuid = uuid.end > uuid.at
    const isNew = this.#seen.add(bytes, hasUuid ? uuid : reader, reader)
    const first = this.#afterBreak
    this.#afterBreak = false
    if (!isNew && (hasUuid || this.#isReplay(reader))) return 'seen'
    this.last.seconds = seconds
    this.last.nanos = nanos
    this.lastArrivalMs = this.#clock()
    return first ? 'after_gap' : 'new'
  }

  #isReplay({ seconds, nanos }: Timestamp): boolean {
    const until = this.#replayedUntil
    return until !== undefined && (seconds < until.seconds || (seconds === until.seconds && nanos <= until.nanos))
  }

  async #run(credentials: ChannelCredentials): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const error = await this.#follow(credentials)
      // An idle observer that stayed connected worked.
      if (this.isConnected && this.#clock() - this.attemptMs > this.settings.config.retry.max_interval) this.#worked()
      this.isConnected = false
      if (this.#stop.signal.aborted) return
      if (this.#moved) this.#worked()
      if (this.#moved) continue
      this.settings.listener.broken(this, error, this.failures++ === 0)
      this.#waiting = new AbortController()
      await sleep(this.#backoff.next(), undefined, { signal: this.#waiting.signal }).catch(() => {})
    }
  }

  /** One attempt. @returns why it ended */
  async #follow(credentials: ChannelCredentials): Promise<Error> {
    const { config } = this.settings
    this.attemptMs = this.#clock()
    this.#moved = false
    let channel: Channel
    try {
      channel = new Channel(this.#target, config, credentials)
    } catch (error) {
      // What a peer service tells need not be an address.
      return error as Error
    }
    channel.whenReady(() => this.#connected())
    const error = await this.#read(followFlows(channel, this.#request()))
    channel.close()
    return error
  }

  #read(call: ClientReadableStream<Uint8Array>): Promise<Error> {
    this.#call = call
    const end = readStream(call, (bytes) => this.#message(bytes), 'the observer ended the stream')
    if (this.#paused) call.pause()
    return end
  }

  #message(bytes: Uint8Array): void {
    if (!this.isConnected) this.#connected()
    // Who accepts connections and refuses requests is no observer that works.
    if (this.failures > 0) this.#worked()
    this.settings.listener.message(this, bytes)
  }

  #worked(): void {
    this.failures = 0
    this.#backoff.reset()
  }

  #connected(): void {
    if (this.#stop.signal.aborted || this.isConnected) return
    this.isConnected = true
    const nowMs = this.#clock()
    this.#firstConnected ??= { seconds: Math.floor(nowMs / 1000), nanos: (nowMs % 1000) * 1e6 }
    this.settings.listener.connected(this)
  }

  #request(): FlowsRequest {
    const { filters, config } = this.settings
    const since = this.#seen.resumeAt(OVERLAP_SECONDS)
    if (since !== undefined) {
      this.#afterBreak = true
      this.#replayedUntil = { ...this.last }
      return { ...filters, number: 0, since }
    }
    // Nothing was seen: neither what came before the first connection is wanted, nor may anything after it be missing.
    if (this.#firstConnected === undefined || config.last > 0) return { ...filters, number: config.last }
    return { ...filters, number: 0, since: this.#firstConnected }
  }
}
