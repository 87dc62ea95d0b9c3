import { ProtobufReader, Wire } from './protobuf-reader.ts'

/**
 * What flows of another Hubble observer (Cilium's agent, Retina, a relay) carry that columns have no place for: each row's
 * `flow.Flow` as it came, so that it leaves again untouched, with the fields nobody here knows. Field numbers:
 * `src/hubble/proto/flow/flow.proto`.
 */

/** One heap of encoded flows; may be shared by several batches. */
interface Heap {
  bytes: Uint8Array
  holders: number
}

const reader = new ProtobufReader()
const utf8 = new TextDecoder()

/** The encoded flows of a batch; row numbers are those of the batch. Never changed: a rewritten flow needs a {@link ForeignBuilder}. */
export class ForeignFlows {
  readonly length: number
  readonly #heap: Heap
  /** Where each row's flow begins in the heap, and how long it is. */
  readonly #starts: Uint32Array
  readonly #lengths: Uint32Array

  constructor(heap: Heap, starts: Uint32Array, lengths: Uint32Array) {
    this.#heap = heap
    this.#starts = starts
    this.#lengths = lengths
    this.length = starts.length
  }

  /** Memory this keeps alive; a shared heap is counted by everybody who shares it. */
  get bytes(): number {
    return this.#heap.bytes.length + 8 * this.length
  }

  has(row: number): boolean {
    return row < this.length
  }

  /** The row's `flow.Flow`, encoded as it came; a view, valid as long as the batch. */
  raw(row: number): Uint8Array {
    const start = this.#starts[row]!
    return this.#heap.bytes.subarray(start, start + this.#lengths[row]!)
  }

  /** `''` = it has none. */
  uuid(row: number): string {
    return this.#text(row, [34])
  }

  /** `[cluster/]node` */
  nodeName(row: number): string {
    return this.#text(row, [11])
  }

  /** Whether the end is told of, if only by an empty message. */
  hasEnd(row: number, side: 'source' | 'destination'): boolean {
    return this.#find(row, [side === 'source' ? 8 : 9], Wire.LENGTH) >= 0
  }

  hasIp(row: number): boolean {
    return this.#find(row, [5], Wire.LENGTH) >= 0
  }

  /** Whether it has layer 4, if only an empty one. */
  hasLayer4(row: number): boolean {
    return this.#find(row, [6], Wire.LENGTH) >= 0
  }

  /** Whether it has `event_type`, if only an empty one. */
  hasEventType(row: number): boolean {
    return this.#find(row, [19], Wire.LENGTH) >= 0
  }

  nodeLabels(row: number): string[] {
    return this.texts(row, 37)
  }

  /** `IP.encrypted`; undefined without IP. */
  encrypted(row: number): boolean | undefined {
    return this.hasIp(row) ? this.#number(row, [5, 4]) !== 0 : undefined
  }

  /** `IP.source_xlated` */
  sourceXlated(row: number): string {
    return this.#text(row, [5, 5])
  }

  /** `ip_trace_id.trace_id`; 0n = none. */
  ipTraceId(row: number): bigint {
    const at = this.#find(row, [40, 1], Wire.VARINT)
    return at < 0 ? 0n : reader.bigVarint(at)
  }

  /** `trace_context.parent.trace_id`; `''` = none. */
  traceId(row: number): string {
    return this.#text(row, [30, 1, 1])
  }

  /** `Summary`, as the observer wrote it. */
  summary(row: number): string {
    return this.#text(row, [100_000])
  }

  /** `l7.dns.observation_source`: `proxy`, `agent`, … */
  dnsSource(row: number): string {
    return this.#text(row, [15, 100, 5])
  }

  /** Whether `l4.TCP.flags` is set, be it to none. */
  hasTcpFlags(row: number): boolean {
    return this.#find(row, [6, 1, 3], Wire.LENGTH) >= 0
  }

  /** Whether `l7.kafka` is set. */
  isKafka(row: number): boolean {
    return this.#find(row, [15, 102], Wire.LENGTH) >= 0
  }

  /** `policy_match_type` */
  policyMatchType(row: number): number {
    return this.#number(row, [23])
  }

  /** All values of a repeated text field of `flow.Flow`. */
  texts(row: number, field: number): string[] {
    const found: string[] = []
    const end = this.#begin(row)
    while (reader.next(end)) {
      if (reader.field === field && reader.wire === Wire.LENGTH) found.push(reader.text(end))
      else reader.skip(end)
    }
    return found
  }

  /** The same flows for one more batch: to be released as well. */
  share(): ForeignFlows {
    this.#heap.holders++
    return new ForeignFlows(this.#heap, this.#starts, this.#lengths)
  }

  /** The flows of the rows `rows[0, count)`; shares the heap and is to be released as well. */
  select(rows: Uint32Array, count: number): ForeignFlows {
    this.#heap.holders++
    const [starts, lengths] = [new Uint32Array(count), new Uint32Array(count)]
    for (let i = 0; i < count; i++) {
      starts[i] = this.#starts[rows[i]!]!
      lengths[i] = this.#lengths[rows[i]!]!
    }
    return new ForeignFlows(this.#heap, starts, lengths)
  }

  /** The same flows where no more memory is kept than they need: a heap of their own when most of this one is others'. */
  compact(): ForeignFlows {
    let used = 0
    for (let i = 0; i < this.length; i++) used += this.#lengths[i]!
    if (2 * used > this.#heap.bytes.length) return this.share()
    const builder = new ForeignBuilder(this.length, used)
    for (let i = 0; i < this.length; i++) builder.add(this.#heap.bytes, this.#starts[i]!, this.#lengths[i]!)
    return builder.take()
  }

  /** Gives up the heap; the last holder frees it. */
  release(): void {
    if (--this.#heap.holders > 0) return
    ;(this.#heap.bytes.buffer as ArrayBuffer).transfer(0)
    this.#heap.bytes = new Uint8Array(0)
  }

  /** Positions `reader` at the row's flow. @returns its end */
  #begin(row: number): number {
    const start = this.#starts[row]!
    reader.begin(this.#heap.bytes, start)
    return start + this.#lengths[row]!
  }

  /** Where the value of a field begins, by the path of field numbers to it; the last one counts where there are several. -1 = absent. */
  #find(row: number, path: readonly number[], wire: number): number {
    let end = this.#begin(row)
    for (let depth = 0; depth < path.length; depth++) {
      const last = depth === path.length - 1
      const found = lastField(end, path[depth]!, last ? wire : Wire.LENGTH)
      if (found < 0 || last) return found
      reader.at = found
      end = reader.length(end)
    }
    return -1
  }

  #text(row: number, path: readonly number[]): string {
    const at = this.#find(row, path, Wire.LENGTH)
    if (at < 0) return ''
    reader.at = at
    const end = reader.length(this.#heap.bytes.length)
    return utf8.decode(this.#heap.bytes.subarray(reader.at, end))
  }

  #number(row: number, path: readonly number[]): number {
    const at = this.#find(row, path, Wire.VARINT)
    if (at < 0) return 0
    reader.at = at
    return reader.varint()
  }
}

/** Where the last value of a field before `end` begins; -1 = there is none. */
function lastField(end: number, field: number, wire: number): number {
  let found = -1
  while (reader.next(end)) {
    if (reader.field === field && reader.wire === wire) found = reader.at
    reader.skip(end)
  }
  return found
}

/** Collects encoded flows row by row, in one heap that grows as needed. */
export class ForeignBuilder {
  #heap: Uint8Array<ArrayBuffer>
  #used = 0
  #rows = 0
  readonly #starts: Uint32Array
  readonly #lengths: Uint32Array

  /** @param maxRows most rows @param heapBytes first size of the heap */
  constructor(maxRows: number, heapBytes = 64 * 1024) {
    this.#heap = new Uint8Array(heapBytes)
    this.#starts = new Uint32Array(maxRows)
    this.#lengths = new Uint32Array(maxRows)
  }

  /** Bytes of flows so far. */
  get used(): number {
    return this.#used
  }

  /** Appends a well-formed `flow.Flow` as the next row's: `length` bytes of `bytes` from `at` on. */
  add(bytes: Uint8Array, at = 0, length = bytes.length - at): void {
    if (this.#used + length > this.#heap.length) this.#grow(this.#used + length)
    this.#heap.set(at === 0 && length === bytes.length ? bytes : bytes.subarray(at, at + length), this.#used)
    this.#starts[this.#rows] = this.#used
    this.#lengths[this.#rows++] = length
    this.#used += length
  }

  /** The rows so far, in buffers of just their size; the builder is empty afterwards. */
  take(): ForeignFlows {
    const heap = { bytes: this.#heap.slice(0, this.#used), holders: 1 }
    const flows = new ForeignFlows(heap, this.#starts.slice(0, this.#rows), this.#lengths.slice(0, this.#rows))
    this.#used = 0
    this.#rows = 0
    return flows
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.#heap.length))
    larger.set(this.#heap.subarray(0, this.#used))
    this.#heap = larger
  }
}
