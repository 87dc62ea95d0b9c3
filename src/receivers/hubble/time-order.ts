/** A flow that waits for its turn: part of an answer, and its time. */
export interface TimedFlow {
  bytes: Uint8Array
  at: number
  end: number
  seconds: number
  nanos: number
}

/** Most bytes of answers with flows that wait, whatever their number. */
const MOST_BYTES = 64 * 1024 * 1024

/** Ticks that a flow waits at most. */
export const TICKS = 4

/**
 * Puts flows of several observers in the order of their times. A flow waits until every observer has told of a later time
 * (`advance`), for `TICKS` calls of `tick` at most, and while there is room.
 */
export class TimeOrder {
  /** Flows that came when a later one had been handed on; they are handed on all the same. */
  late = 0
  readonly #emit: (flow: TimedFlow) => void
  readonly #limit: number
  /** A binary heap: places of flows, the earliest first. */
  readonly #heap: Uint32Array
  readonly #free: Uint32Array
  #size = 0
  #bytes = 0
  readonly #flows: (TimedFlow | undefined)[] = []
  /** Order of arrival, for flows of the same time. */
  readonly #arrivals: Float64Array
  readonly #ticks: Uint32Array
  /** Flows that came during one of the last ticks, by tick modulo `TICKS`. */
  readonly #waiting = new Uint32Array(TICKS)
  #arrived = 0
  #tick = 0
  #lastSeconds = 0
  #lastNanos = 0

  /** @param limit most flows that wait; with one more, the earliest is handed on */
  constructor(limit: number, emit: (flow: TimedFlow) => void) {
    this.#limit = limit
    this.#emit = emit
    this.#heap = new Uint32Array(limit)
    this.#free = Uint32Array.from({ length: limit }, (_, i) => i)
    this.#arrivals = new Float64Array(limit)
    this.#ticks = new Uint32Array(limit)
  }

  /** Flows that wait. */
  get size(): number {
    return this.#size
  }

  push(flow: TimedFlow): void {
    while (this.#size === this.#limit || (this.#size > 0 && this.#bytes > MOST_BYTES)) this.#pop()
    if (this.#isBeforeLast(flow)) this.late++
    const place = this.#free[this.#size]!
    this.#flows[place] = flow
    this.#arrivals[place] = this.#arrived++
    this.#ticks[place] = this.#tick
    this.#waiting[this.#tick % TICKS]!++
    this.#bytes += flow.bytes.length
    this.#rise(this.#size++, place)
  }

  /** No earlier flow is to come than of this time. */
  advance(seconds: number, nanos: number): void {
    while (this.#size > 0) {
      const first = this.#flows[this.#heap[0]!]!
      if (first.seconds > seconds || (first.seconds === seconds && first.nanos > nanos)) return
      this.#pop()
    }
  }

  /** To be called at equal intervals: whoever waited for `TICKS` of them, and all that are earlier, are handed on. */
  tick(): void {
    this.#tick++
    const slot = this.#tick % TICKS
    while (this.#waiting[slot]! > 0) this.#pop()
  }

  /** All that wait are handed on. */
  flush(): void {
    while (this.#size > 0) this.#pop()
  }

  #isBeforeLast({ seconds, nanos }: TimedFlow): boolean {
    return seconds < this.#lastSeconds || (seconds === this.#lastSeconds && nanos < this.#lastNanos)
  }

  #pop(): void {
    const place = this.#heap[0]!
    const flow = this.#flows[place]!
    this.#flows[place] = undefined
    this.#free[--this.#size] = place
    this.#sink(this.#heap[this.#size]!)
    this.#waiting[this.#ticks[place]! % TICKS]!--
    this.#bytes -= flow.bytes.length
    if (!this.#isBeforeLast(flow)) {
      this.#lastSeconds = flow.seconds
      this.#lastNanos = flow.nanos
    }
    this.#emit(flow)
  }

  #rise(from: number, place: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isEarlier(place, this.#heap[parent]!)) break
      this.#heap[at] = this.#heap[parent]!
      at = parent
    }
    this.#heap[at] = place
  }

  /** Puts a place at the top and moves it down to where it belongs. */
  #sink(place: number): void {
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && this.#isEarlier(this.#heap[child + 1]!, this.#heap[child]!)) child++
      if (!this.#isEarlier(this.#heap[child]!, place)) break
      this.#heap[at] = this.#heap[child]!
      at = child
    }
    this.#heap[at] = place
  }

  #isEarlier(a: number, b: number): boolean {
    const [one, other] = [this.#flows[a]!, this.#flows[b]!]
    if (one.seconds !== other.seconds) return one.seconds < other.seconds
    if (one.nanos !== other.nanos) return one.nanos < other.nanos
    return this.#arrivals[a]! < this.#arrivals[b]!
  }
}
