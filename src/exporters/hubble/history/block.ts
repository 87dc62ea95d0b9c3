import type { BatchParts, FlowBatch, LostEvents } from '../../../flow/batch.ts'
import { bufferBytes, copyRows, viewColumns } from '../../../flow/columns.ts'
import { ForeignFlows } from '../../../flow/foreign.ts'
import { emptyL7, type L7Parts, l7BufferBytes } from '../../../flow/l7.ts'
import { FlowEntry, LostEntry, type RingEntry } from '../ring-entry.ts'
import type { BlockHeader } from './block-header.ts'
import type { EndpointReader, EndpointWriter } from './stored-endpoints.ts'

/**
 * The body of a block, before compression: two lengths (u32), that many bytes of JSON (a {@link Part} for each batch or
 * report of loss) and of endpoints (JSON, one a line), then for each batch its columns, L7 columns, L7 heap, and of
 * foreign flows the lengths and the encoded flows. Each section begins at a multiple of 8.
 */
type Part = LostPart | FlowsPart

interface LostPart {
  lost: LostEvents
  timeMs: number
}

interface FlowsPart {
  rows: number
  serial: number
  strings: string[]
  l7?: { length: number; capacity: number; heapBytes: number }
  /** Bytes of all encoded flows. */
  foreignBytes?: number
}

/** A block before compression, and what its header tells of it. */
export interface RawBlock {
  header: Omit<BlockHeader, 'storedBytes' | 'checksum'>
  body: Uint8Array<ArrayBuffer>
}

/** Puts entries with consecutive numbers into a block. */
export function encodeBlock(entries: readonly RingEntry[], endpoints: EndpointWriter): RawBlock {
  const parts = entries.map(partOf)
  const meta = Buffer.from(JSON.stringify(parts))
  const flows = parts.reduce((bytes, part) => bytes + sectionBytes(part), 0)
  endpoints.begin()
  // Sections first: they say which endpoints there are.
  const sections = new Uint8Array(flows)
  let at = 0
  for (const [i, entry] of entries.entries())
    if (entry.at === 'flows') at = writeSections(sections, at, entry.batch, parts[i] as FlowsPart, endpoints)
  const named = Buffer.from(endpoints.texts.join('\n'))
  const begin = round(8 + meta.length + named.length)
  const body = new Uint8Array(begin + flows)
  new Uint32Array(body.buffer, 0, 2).set([meta.length, named.length])
  body.set(meta, 8)
  body.set(named, 8 + meta.length)
  body.set(sections, begin)
  return { header: { rawBytes: body.length, ...extent(entries) }, body }
}

/**
 * The entries of a block, and the endpoints to release when they are not kept any more.
 * @throws Error (any) when the body is not what a header with the right checksum promised
 */
export function decodeBlock(
  body: Uint8Array<ArrayBuffer>,
  from: number,
  endpoints: EndpointReader,
): { entries: RingEntry[]; texts: readonly string[] } {
  const [metaBytes, namedBytes] = new Uint32Array(body.buffer, body.byteOffset, 2) as unknown as [number, number]
  const text = (start: number, end: number) => Buffer.from(body.buffer, body.byteOffset + start, end - start).toString()
  const parts = JSON.parse(text(8, 8 + metaBytes)) as Part[]
  const named = text(8 + metaBytes, 8 + metaBytes + namedBytes)
  const texts = named === '' ? [] : named.split('\n')
  const reader = new SectionReader(body, round(8 + metaBytes + namedBytes))
  const ids = endpoints.acquire(texts)
  try {
    let sequence = from
    const entries = parts.map((part) => {
      const entry =
        'lost' in part
          ? new LostEntry(part.lost, sequence, part.timeMs)
          : new FlowEntry({ ...readFlows(reader, part, ids), epoch: endpoints.epoch }, sequence, part.serial)
      sequence += entry.length
      return entry
    })
    return { entries, texts }
  } catch (error) {
    endpoints.release(texts)
    throw error
  }
}

function partOf(entry: RingEntry): Part {
  if (entry.at === 'lost') return { lost: entry.lost, timeMs: entry.timeMs }
  const { length, strings, l7, foreign } = entry.batch
  const part: FlowsPart = { rows: length, serial: entry.serial, strings }
  if (l7.length > 0) part.l7 = { length: l7.length, capacity: l7.parts.capacity, heapBytes: l7.heap.length }
  if (foreign === undefined) return part
  part.foreignBytes = 0
  for (let row = 0; row < length; row++) part.foreignBytes += foreign.raw(row).length
  return part
}

function sectionBytes(part: Part): number {
  if ('lost' in part) return 0
  const { rows, l7, foreignBytes } = part
  let bytes = bufferBytes(rows)
  if (l7 !== undefined) bytes += l7BufferBytes(l7.capacity) + round(l7.heapBytes)
  return foreignBytes === undefined ? bytes : bytes + round(4 * rows) + round(foreignBytes)
}

/** @returns where the next section begins */
function writeSections(
  to: Uint8Array<ArrayBuffer>,
  start: number,
  batch: FlowBatch,
  part: FlowsPart,
  endpoints: EndpointWriter,
): number {
  const columns = viewColumns(to.buffer, part.rows, start)
  copyRows(batch.columns, columns, part.rows)
  endpoints.number(columns.sourceEndpoint, part.rows)
  endpoints.number(columns.destinationEndpoint, part.rows)
  let at = start + bufferBytes(part.rows)
  const put = (bytes: Uint8Array) => {
    to.set(bytes, at)
    at = round(at + bytes.length)
  }
  if (part.l7 !== undefined) {
    put(new Uint8Array(batch.l7.parts.buffer, 0, l7BufferBytes(part.l7.capacity)))
    put(batch.l7.heap)
  }
  if (batch.foreign !== undefined) at = writeForeign(to, at, batch.foreign, part)
  return at
}

function writeForeign(to: Uint8Array<ArrayBuffer>, at: number, foreign: ForeignFlows, part: FlowsPart): number {
  const lengths = new Uint32Array(to.buffer, at, part.rows)
  const heap = at + round(4 * part.rows)
  let end = heap
  for (let row = 0; row < part.rows; row++) {
    const flow = foreign.raw(row)
    lengths[row] = flow.length
    to.set(flow, end)
    end += flow.length
  }
  return round(end)
}

/** Copies sections out of a body, in order. */
class SectionReader {
  readonly #body: Uint8Array<ArrayBuffer>
  #at: number

  constructor(body: Uint8Array<ArrayBuffer>, at: number) {
    this.#body = body
    this.#at = at
  }

  /** The next `bytes` bytes. @throws RangeError when the body ends before */
  take(bytes: number): ArrayBuffer {
    const end = this.#at + bytes
    if (!(bytes >= 0) || end > this.#body.length) throw new RangeError('a section ends behind the block')
    const { buffer, byteOffset } = this.#body
    const section = buffer.slice(byteOffset + this.#at, byteOffset + end)
    this.#at = round(end)
    return section
  }
}

function readFlows(reader: SectionReader, part: FlowsPart, ids: Uint32Array): BatchParts {
  const { rows, strings } = part
  const buffer = reader.take(bufferBytes(rows))
  const { sourceEndpoint, destinationEndpoint } = viewColumns(buffer, rows)
  for (const column of [sourceEndpoint, destinationEndpoint])
    for (let row = 0; row < rows; row++) column[row] = ids[column[row]!]!
  const l7 = readL7(reader, part)
  return { length: rows, capacity: rows, buffer, strings, l7, foreign: readForeign(reader, part) }
}

function readL7(reader: SectionReader, { l7 }: FlowsPart): L7Parts {
  if (l7 === undefined) return emptyL7()
  const { length, capacity, heapBytes } = l7
  return { length, capacity, buffer: reader.take(l7BufferBytes(capacity)), heap: reader.take(heapBytes) }
}

function readForeign(reader: SectionReader, { rows, foreignBytes }: FlowsPart): ForeignFlows | undefined {
  if (foreignBytes === undefined) return undefined
  const lengths = new Uint32Array(reader.take(4 * rows))
  const starts = new Uint32Array(rows)
  for (let row = 1; row < rows; row++) starts[row] = starts[row - 1]! + lengths[row - 1]!
  return new ForeignFlows({ bytes: new Uint8Array(reader.take(foreignBytes)), holders: 1 }, starts, lengths)
}

/** Sequence numbers, serial numbers and times of entries. */
function extent(entries: readonly RingEntry[]): Omit<RawBlock['header'], 'rawBytes'> {
  const found = {
    events: 0,
    from: entries[0]!.from,
    serial: 0,
    oldestMs: Number.POSITIVE_INFINITY,
    youngestMs: Number.NEGATIVE_INFINITY,
  }
  for (const entry of entries) {
    found.events += entry.length
    const [oldestMs, youngestMs] = entry.at === 'lost' ? [entry.timeMs, entry.timeMs] : times(entry.batch)
    found.oldestMs = Math.min(found.oldestMs, oldestMs)
    found.youngestMs = Math.max(found.youngestMs, youngestMs)
    if (entry.at === 'flows') found.serial = Math.max(found.serial, entry.serial)
  }
  return found
}

/** Milliseconds of the oldest and the youngest flow: clocks step, and rows are not always in order. */
function times({ columns: { timeSeconds, timeNanos }, length }: FlowBatch): [oldestMs: number, youngestMs: number] {
  let [oldest, youngest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let row = 0; row < length; row++) {
    const ms = timeSeconds[row]! * 1_000 + timeNanos[row]! / 1e6
    if (ms < oldest) oldest = ms
    if (ms > youngest) youngest = ms
  }
  return [Math.floor(oldest), Math.ceil(youngest)]
}

/** Where a section that would begin at `at` does. */
function round(at: number): number {
  return (at + 7) & ~7
}
