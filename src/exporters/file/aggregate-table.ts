import type { FlowBatch } from '../../flow/batch.ts'
import { Direction } from '../../flow/enums.ts'
import type { HubbleEncoder } from '../../flow/hubble-encode.ts'
import type { FlowMask } from '../../flow/hubble-mask.ts'
import { ProtobufReader } from '../../flow/protobuf-reader.ts'
import { jsonMessage } from '../../hubble/json/schema.ts'
import { JsonTranscoder } from '../../hubble/json/transcode.ts'

/** Most text of all keys: a key may be a URL. */
const MAX_KEY_BYTES = 16 * 1024 * 1024

/** By which fields flows are told apart. */
export interface AggregateKey {
  mask: FlowMask
  /** Whether the time is one of them. */
  byTime: boolean
  /** Whether the node is one of them. */
  byNode: boolean
}

const FLOW = jsonMessage('flow.Flow')

/** Flows added up by some of their fields, each row of the table a key: the JSON of just these fields. Full, it refuses new keys. */
export class AggregateTable {
  readonly #limit: number
  readonly #encoder: HubbleEncoder
  readonly #nodeName: string
  readonly #by: AggregateKey
  readonly #transcoder = new JsonTranscoder()
  readonly #reader = new ProtobufReader()
  #rows = new Map<string, number>()
  #keyBytes = 0
  /** Three a row: ingress, egress, unknown. */
  #counts = new Uint32Array(3 * 64)
  /** Of the first flow of a row, as the event has it. */
  #times: string[] = []
  #nodes: string[] = []
  #flows = 0

  /** @param limit most keys @param nodeName of events whose flows are not told apart by node */
  constructor(encoder: HubbleEncoder, by: AggregateKey, limit: number, nodeName: string) {
    this.#encoder = encoder
    this.#by = by
    this.#limit = limit
    this.#nodeName = nodeName
  }

  /** Keys in use. */
  get size(): number {
    return this.#rows.size
  }

  /** Flows added up. */
  get flows(): number {
    return this.#flows
  }

  add(batch: FlowBatch, row: number, serial: number): boolean {
    const key = this.#key(batch, row, serial)
    const known = this.#rows.get(key)
    if (known === undefined && this.#full(key)) return false
    const at = 3 * (known ?? this.#insert(key, batch, row))
    const direction = batch.columns.direction[row]
    this.#counts[at + (direction === Direction.INGRESS ? 0 : direction === Direction.EGRESS ? 1 : 2)]!++
    this.#flows++
    return true
  }

  /** The lines of all keys, each with the flows it stands for; the table is empty afterwards. */
  *take(): Generator<{ line: string; flows: number }> {
    const [rows, counts, times, nodes] = [this.#rows, this.#counts, this.#times, this.#nodes]
    this.clear()
    for (const [members, row] of rows) {
      const [ingress = 0, egress = 0, unknown = 0] = counts.subarray(3 * row, 3 * row + 3)
      const time = `"time":${times[row]!}`
      const parts = this.#by.byTime ? [members] : [time, members]
      parts.push(`"aggregate":{${countMembers(ingress, egress, unknown)}}`)
      const flow = parts.filter((part) => part !== '').join(',')
      const node = JSON.stringify(nodes[row])
      yield { line: `{"flow":{${flow}},"node_name":${node},${time}}\n`, flows: ingress + egress + unknown }
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#rows = new Map()
    this.#counts = new Uint32Array(3 * 64)
    this.#times = []
    this.#nodes = []
    this.#keyBytes = 0
    this.#flows = 0
  }

  /** The members of the flow's JSON: what is between its braces. */
  #key(batch: FlowBatch, row: number, serial: number): string {
    const response = this.#encoder.response(batch, row, serial, this.#by.mask)
    this.#reader.begin(response)
    this.#reader.next(response.length) // the flow comes first
    const end = this.#reader.length(response.length)
    const { out } = this.#transcoder
    out.used = 0
    this.#transcoder.append(FLOW, response.subarray(this.#reader.at, end))
    return Buffer.from(out.bytes.buffer, 1, out.used - 2).toString('utf8')
  }

  #full(key: string): boolean {
    return this.#rows.size >= this.#limit || this.#keyBytes + key.length > MAX_KEY_BYTES
  }

  #insert(key: string, batch: FlowBatch, row: number): number {
    const index = this.#rows.size
    this.#rows.set(key, index)
    this.#keyBytes += key.length
    this.#times.push(timeOf(batch, row))
    this.#nodes.push(this.#by.byNode && batch.foreign !== undefined ? batch.foreign.nodeName(row) : this.#nodeName)
    if (3 * (index + 1) > this.#counts.length) {
      const larger = new Uint32Array(2 * this.#counts.length)
      larger.set(this.#counts)
      this.#counts = larger
    }
    return index
  }
}

function countMembers(ingress: number, egress: number, unknown: number): string {
  const members = [
    ['ingress_flow_count', ingress],
    ['egress_flow_count', egress],
    ['unknown_direction_flow_count', unknown],
  ] as const
  return members.flatMap(([name, count]) => (count === 0 ? [] : [`"${name}":${count}`])).join(',')
}

/** RFC 3339 with nanoseconds, quoted. */
function timeOf({ columns: { timeSeconds, timeNanos } }: FlowBatch, row: number): string {
  const whole = new Date(timeSeconds[row]! * 1_000).toISOString().slice(0, 19)
  return `"${whole}.${String(timeNanos[row]!).padStart(9, '0')}Z"`
}
