import { setImmediate } from 'node:timers/promises'
import { type ServerWritableStream, status } from '@grpc/grpc-js'
import type { LostEvents } from '../../flow/batch.ts'
import { LostSource } from '../../flow/enums.ts'
import type { HubbleEncoder } from '../../flow/hubble-encode.ts'
import type { FlowReader, Step } from './flow-reader.ts'
import type { FlowRing } from './flow-ring.ts'
import { PendingLoss } from './pending-loss.ts'

/** A call of GetFlows; the request is not decoded yet, answers are encoded already. */
export type FlowsCall = ServerWritableStream<Uint8Array, Uint8Array>

/** What all streams of a server share. */
export interface StreamContext {
  ring: FlowRing
  encoder: HubbleEncoder
  /** Encodes a `flow.LostEvent` as an answer. */
  encodeLost(lost: LostEvents, timeMs: number): Uint8Array
  /** Milliseconds between two reports of loss to one client. */
  lossIntervalMs: number
  /** Told what went out. */
  sent(flows: number): void
  lost(events: number): void
}

/** A stream leaves the thread to others after this time. */
const TURN_MS = 8

/**
 * Sends one client what its reader finds. It writes only while gRPC takes it: a client that reads slowly, or never, holds a
 * few messages and one batch, and learns what the ring forgot meanwhile.
 */
export class FlowStream {
  readonly #call: FlowsCall
  readonly #reader: FlowReader
  readonly #context: StreamContext
  readonly #loss: PendingLoss
  #cancelled = false
  #writable = true
  #stopping = false
  /** Something happened, and nobody has slept or looked since. */
  #news = false
  #resume = () => {}
  #turnStarted = performance.now()

  constructor(call: FlowsCall, reader: FlowReader, context: StreamContext) {
    this.#call = call
    this.#reader = reader
    this.#context = context
    this.#loss = new PendingLoss(context.lossIntervalMs)
    call.on('cancelled', () => {
      this.#cancelled = true
      this.#wake()
    })
    call.on('drain', () => {
      this.#writable = true
      this.#wake()
    })
  }

  /** Runs until the answer is complete, the client leaves, or `stop` is called and all that was kept is sent. */
  async run(): Promise<void> {
    const unlisten = this.#context.ring.listen(() => this.#wake())
    try {
      await this.#reader.rewind()
      while (!this.#cancelled && (await this.#hold(this.#reader.step())));
    } finally {
      unlisten()
    }
  }

  /** The server ends: a follower is sent what is there, then UNAVAILABLE. */
  stop(): void {
    this.#stopping = true
    this.#wake()
  }

  /** Goes on with a step whose batch the ring may forget meanwhile. */
  async #hold(step: Step): Promise<boolean> {
    const batch = step.at === 'flows' ? step.batch : undefined
    batch?.retain()
    try {
      return await this.#advance(step)
    } finally {
      batch?.release()
    }
  }

  /** Whether to go on. */
  async #advance(step: Step): Promise<boolean> {
    await this.#reportLoss(false)
    switch (step.at) {
      case 'flows':
        await this.#sendFlows(step)
        break
      case 'lost':
        await this.#write(this.#context.encodeLost(step.lost, step.timeMs))
        break
      case 'overtaken':
        this.#loss.add(step.count)
        this.#context.lost(step.count)
        break
      case 'idle':
        if (this.#stopping) return this.#fail('the agent is shutting down')
        await this.#sleep(this.#loss.dueInMs())
        this.#turnStarted = performance.now()
        break
      case 'end':
        await this.#reportLoss(true)
        if (!this.#cancelled) this.#call.end()
        return false
    }
    return true
  }

  async #sendFlows({ batch, serial, from, to, rows }: Step & { at: 'flows' }): Promise<void> {
    const { encoder } = this.#context
    encoder.refresh()
    let sent = 0
    for (let row = from; row < to && !this.#cancelled; row++) {
      if (rows[row] === 0) continue
      sent++
      // Not through `#write`: a promise per flow would cost as much as the flow.
      this.#writable = this.#call.write(encoder.response(batch, row, serial))
      if (!this.#writable) await this.#drained()
    }
    this.#context.sent(sent)
    if (performance.now() - this.#turnStarted < TURN_MS) return
    await setImmediate()
    this.#turnStarted = performance.now()
  }

  async #write(message: Uint8Array): Promise<void> {
    this.#writable = this.#call.write(message)
    if (!this.#writable) await this.#drained()
  }

  async #drained(): Promise<void> {
    while (!this.#writable && !this.#cancelled) await this.#sleep()
    this.#turnStarted = performance.now()
  }

  async #reportLoss(now: boolean): Promise<void> {
    const lost = this.#loss.take(now)
    if (lost === undefined) return
    await this.#write(this.#context.encodeLost({ source: LostSource.HUBBLE_RING_BUFFER, ...lost }, Date.now()))
  }

  #fail(details: string): false {
    this.#call.emit('error', { code: status.UNAVAILABLE, details })
    return false
  }

  #wake(): void {
    this.#news = true
    this.#resume()
  }

  /** Until something happens, or for `ms`. What happened on the way here counts: whoever slept looks again. */
  async #sleep(ms?: number): Promise<void> {
    if (!this.#news) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#resume = resolve
        if (ms !== undefined) timer = setTimeout(resolve, ms)
      })
      clearTimeout(timer)
    }
    this.#news = false
  }
}
