import { setImmediate } from 'node:timers/promises'
import type { ServerWritableStream } from '@grpc/grpc-js'
import type { LostEvents } from '../../flow/batch.ts'
import { LostSource } from '../../flow/enums.ts'
import type { HubbleEncoder } from '../../flow/hubble-encode.ts'
import type { FlowReader, Step } from './flow-reader.ts'
import type { FlowRing } from './flow-ring.ts'
import { PacedCall } from './paced-call.ts'
import { PendingLoss } from './pending-loss.ts'
import type { RunningStream } from './stream-limit.ts'

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
 * Sends one client what its reader finds, at the client's pace: one that reads slowly, or never, holds a few messages and one
 * batch, and learns what the ring forgot meanwhile.
 */
export class FlowStream implements RunningStream {
  readonly #call: PacedCall<Uint8Array, Uint8Array>
  readonly #reader: FlowReader
  readonly #context: StreamContext
  readonly #loss: PendingLoss
  #turnStarted = performance.now()

  constructor(call: FlowsCall, reader: FlowReader, context: StreamContext) {
    this.#call = new PacedCall(call)
    this.#reader = reader
    this.#context = context
    this.#loss = new PendingLoss(context.lossIntervalMs)
  }

  /** Runs until the answer is complete, the client leaves, or `stop` is called and all that was kept is sent. */
  async run(): Promise<void> {
    const unlisten = this.#context.ring.listen(() => this.#call.wake())
    try {
      await this.#reader.rewind(() => this.#call.cancelled)
      while (!this.#call.cancelled && (await this.#hold(this.#reader.step())));
    } finally {
      unlisten()
    }
  }

  /** The server ends: a follower is sent what is there, then UNAVAILABLE. */
  stop(): void {
    this.#call.stop()
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
        await this.#call.write(this.#context.encodeLost(step.lost, step.timeMs))
        break
      case 'overtaken':
        this.#loss.add(step.count)
        this.#context.lost(step.count)
        break
      case 'loading':
        await step.ready
        this.#turnStarted = performance.now()
        break
      case 'idle':
        if (this.#call.stopping) {
          await this.#reportLoss(true)
          this.#call.interrupt()
          return false
        }
        await this.#call.sleep(this.#loss.dueInMs())
        this.#turnStarted = performance.now()
        break
      case 'end':
        await this.#reportLoss(true)
        this.#call.end()
        return false
    }
    return true
  }

  async #sendFlows({ batch, serial, from, to, rows }: Step & { at: 'flows' }): Promise<void> {
    const { encoder } = this.#context
    const { mask } = this.#reader
    encoder.refresh()
    let sent = 0
    for (let row = from; row < to && !this.#call.cancelled; row++) {
      if (rows[row] === 0) continue
      sent++
      // Not through `write`: a promise per flow would cost as much as the flow.
      if (this.#call.offer(encoder.response(batch, row, serial, mask))) continue
      await this.#call.drained()
      this.#turnStarted = performance.now()
    }
    this.#context.sent(sent)
    if (performance.now() - this.#turnStarted < TURN_MS) return
    await setImmediate()
    this.#turnStarted = performance.now()
  }

  async #reportLoss(now: boolean): Promise<void> {
    const lost = this.#loss.take(now)
    if (lost === undefined) return
    await this.#call.write(this.#context.encodeLost({ source: LostSource.HUBBLE_RING_BUFFER, ...lost }, Date.now()))
  }
}
