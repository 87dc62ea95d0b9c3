import type { FlowBatch } from '../flow/batch.ts'
import { type FlowConsumer, RefusedError } from './component.ts'

/** One way out of a fan-out. */
export interface Branch {
  /** As errors name it: `exporter "otlp_grpc/2"`; `''` where what comes after it is name enough. */
  name: string
  consumer: FlowConsumer
}

/**
 * Hands a batch to several consumers, one after the other: writers first, each with a copy of its own, then the readers,
 * which share the batch. Only the last writer may get the batch itself, and only where nobody reads it.
 * Every consumer is tried. When all refuse, nothing was kept and a `RefusedError` says so; when some fail the error names them.
 */
export function fanOut(branches: readonly Branch[]): FlowConsumer {
  return new FanOut(branches)
}

class FanOut implements FlowConsumer {
  readonly mutates: boolean
  #branches: readonly Branch[]
  /** Branches before this index get copies. */
  #copies: number

  constructor(branches: readonly Branch[]) {
    const writers = branches.filter((branch) => branch.consumer.mutates)
    const readers = branches.filter((branch) => !branch.consumer.mutates)
    this.#branches = [...writers, ...readers]
    this.mutates = readers.length === 0 && writers.length > 0
    this.#copies = this.mutates ? writers.length - 1 : writers.length
  }

  consume(batch: FlowBatch): void | Promise<void> {
    return this.#from(0, batch, [])
  }

  /** Goes on at once after a consumer that is done, and after the promise of one that is not. */
  #from(first: number, batch: FlowBatch, failures: Failure[]): void | Promise<void> {
    for (let i = first; i < this.#branches.length; i++) {
      const { name, consumer } = this.#branches[i]!
      try {
        const pending = consumer.consume(i < this.#copies ? batch.copy() : batch)
        if (pending === undefined) continue
        return pending
          .catch((error: unknown) => void failures.push({ name, error }))
          .then(() => this.#from(i + 1, batch, failures))
      } catch (error) {
        failures.push({ name, error })
      }
    }
    if (failures.length > 0) throw fanOutError(failures, this.#branches.length)
  }
}

interface Failure {
  name: string
  error: unknown
}

function fanOutError(failures: readonly Failure[], branches: number): Error {
  const text = failures.map(failureText).join('; ')
  const cause = failures.length === 1 ? failures[0]?.error : new AggregateError(failures.map(({ error }) => error))
  const refused = failures.length === branches && failures.every(({ error }) => error instanceof RefusedError)
  return refused ? new RefusedError(text, { cause }) : new Error(text, { cause })
}

function failureText({ name, error }: Failure): string {
  const message = error instanceof Error ? error.message : String(error)
  return name === '' ? message : `${name}: ${message}`
}
