import type { LostEvents } from './batch.ts'

/** Different losses told apart; further ones are told without their place. */
const MOST_PLACES = 1_024

/** Losses that no batch has told of yet, one entry for each source and place. */
export class Losses {
  #waiting = new Map<string, LostEvents>()
  #now: () => number

  /** @param now Unix milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  get pending(): boolean {
    return this.#waiting.size > 0
  }

  /** @param source `LostSource` */
  add(source: number, count: number): void {
    if (count <= 0) return
    const nowMs = this.#now()
    this.#merge({ source, count, firstMs: nowMs, lastMs: nowMs })
  }

  /** Takes back what a batch was to tell and did not. */
  restore(lost: readonly LostEvents[]): void {
    for (const events of lost) this.#merge(events)
  }

  /** What the next batch is to tell. */
  take(): LostEvents[] {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    return all
  }

  #merge(events: LostEvents): void {
    const key = `${events.source} ${events.cpu ?? ''} ${events.nodeName ?? ''}`
    const known = this.#waiting.get(key)
    if (known === undefined) {
      const { nodeName, cpu, ...placeless } = events
      if (this.#waiting.size < MOST_PLACES || nodeName === undefined) this.#waiting.set(key, { ...events })
      else this.#merge(placeless)
      return
    }
    known.count += events.count
    known.firstMs = either(known.firstMs, events.firstMs, Math.min)
    known.lastMs = either(known.lastMs, events.lastMs, Math.max)
  }
}

function either(a: number | undefined, b: number | undefined, pick: (a: number, b: number) => number) {
  if (a === undefined) return b
  return b === undefined ? a : pick(a, b)
}
