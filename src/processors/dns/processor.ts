import type { FlowBatch } from '../../flow/batch.ts'
import { L7Type } from '../../flow/enums.ts'
import { L7Protocol, type L7Table } from '../../flow/l7.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import type { DnsConfig } from './config.ts'
import { NameCache } from './name-cache.ts'
import { QueryTable } from './query-table.ts'

/** Multicast DNS (RFC 6762): many may answer, and to everybody. */
const MULTICAST_PORT = 5353

/** Pairs DNS answers with their queries and names the ends of flows by what answers told. */
export class DnsProcessor implements Component, FlowConsumer {
  readonly mutates = true
  readonly #config: DnsConfig
  readonly #next: FlowConsumer
  readonly #queries: QueryTable
  readonly #names: NameCache
  readonly #counters: Readonly<Record<'unmatched' | 'unanswered' | 'evicted' | 'namesEvicted', Counter>>
  readonly #endGauge: () => void
  /** One address of an answer, as 4 aligned words. */
  readonly #address = new Uint32Array(4)
  readonly #addressBytes = new Uint8Array(this.#address.buffer)
  #learned = false

  constructor(context: CreateContext, config: DnsConfig, next: FlowConsumer) {
    this.#config = config
    this.#next = next
    this.#queries = new QueryTable(config.max_queries, config.query_timeout)
    this.#names = new NameCache(config.names ? config.max_addresses : 0)
    const labels = { processor: context.id }
    const counter = (name: string, help: string) => context.telemetry.counter(`fovea_dns_${name}`, help, labels)
    this.#counters = {
      unmatched: counter('answers_unmatched', 'DNS answers whose query was not seen.'),
      unanswered: counter('queries_unanswered', 'DNS queries that got no answer within query_timeout.'),
      evicted: counter('queries_evicted', 'DNS queries forgotten because max_queries were waiting.'),
      namesEvicted: counter('names_evicted', 'Addresses whose names were forgotten because of max_addresses.'),
    }
    this.#endGauge = context.telemetry.gauge(
      'fovea_dns_addresses',
      'Addresses with names learned from DNS answers.',
      labels,
      () => this.#names.used,
    )
  }

  async start(): Promise<void> {}

  async shutdown(): Promise<void> {
    this.#endGauge()
  }

  consume(batch: FlowBatch): void | Promise<void> {
    if (batch.length > 0) this.#process(batch)
    return this.#next.consume(batch)
  }

  #process(batch: FlowBatch): void {
    const { l7, timeSeconds } = batch.columns
    const { protocol } = batch.l7.columns
    this.#names.begin(batch)
    for (let i = 0; i < batch.length; i++) {
      if (l7[i] !== 0 && protocol[l7[i]! - 1] === L7Protocol.DNS) this.#message(batch, i, l7[i]! - 1)
      if (this.#learned) this.#name(batch, i)
    }
    this.#queries.sweep(timeSeconds[batch.length - 1]!)
    this.#count()
  }

  #name(batch: FlowBatch, row: number): void {
    const { sourceAddress, destinationAddress, sourceNames, destinationNames, timeSeconds } = batch.columns
    const seconds = timeSeconds[row]!
    if (sourceNames[row] === 0) sourceNames[row] = this.#names.find(sourceAddress, row, seconds)
    if (destinationNames[row] === 0) destinationNames[row] = this.#names.find(destinationAddress, row, seconds)
  }

  /** @param message row of the L7 table */
  #message(batch: FlowBatch, row: number, message: number): void {
    const response = batch.l7.columns.type[message] === L7Type.RESPONSE
    // Another observer's flows have no DNS id to pair by, and bring their latency with them.
    if (batch.foreign === undefined) this.#pair(batch, row, message, response)
    if (response && this.#config.names) this.#learn(batch, row, message)
  }

  #pair(batch: FlowBatch, row: number, message: number, response: boolean): void {
    const { sourcePort, destinationPort, timeSeconds, timeNanos } = batch.columns
    if (sourcePort[row] === MULTICAST_PORT || destinationPort[row] === MULTICAST_PORT) return
    this.#queries.key(batch, row, message, response)
    if (!response) this.#queries.query(timeSeconds[row]!, timeNanos[row]!)
    else batch.l7.columns.latencyNs[message] = this.#queries.answer(timeSeconds[row]!, timeNanos[row]!)
  }

  #learn(batch: FlowBatch, row: number, message: number): void {
    const table = batch.l7
    const { rcode, addressCount, ttlSeconds } = table.columns
    if (rcode[message] !== 0 || addressCount[message] === 0) return
    const hash = this.#hashNames(table, message)
    const seconds = batch.columns.timeSeconds[row]!
    const expires = Math.min(seconds + Math.max(ttlSeconds[message]!, this.#config.min_ttl / 1000), 0xffffffff)
    let names: readonly string[] | undefined
    for (let i = 0; i < addressCount[message]!; i++) {
      const at = table.addressesAt(message) + 16 * i
      for (let byte = 0; byte < 16; byte++) this.#addressBytes[byte] = table.heap[at + byte]!
      if (this.#names.refresh(this.#address, 0, hash, expires, seconds)) continue
      names ??= this.#namesOf(table, message)
      if (names.length === 0) return
      this.#names.learn(this.#address, 0, names, hash, expires, seconds)
    }
    this.#learned = true
  }

  /** FNV-1a over the bytes of the names that `#namesOf` would make text of. */
  #hashNames({ columns, heap }: L7Table, message: number): number {
    const { queryAt, queryBytes, namesAt, namesBytes } = columns
    const hash = hashBytes(0x811c9dc5, heap, queryAt[message]!, queryBytes[message]!)
    return this.#config.cname_names ? hashBytes(hash, heap, namesAt[message]!, namesBytes[message]!) : hash
  }

  #namesOf(table: L7Table, message: number): string[] {
    return [table.query(message), ...(this.#config.cname_names ? table.names(message) : [])]
      .map((name) => name.replace(/\.$/, ''))
      .filter((name) => name !== '')
  }

  #count(): void {
    const { counts } = this.#queries
    this.#counters.unmatched.add(counts.unmatched)
    this.#counters.unanswered.add(counts.unanswered)
    this.#counters.evicted.add(counts.evicted)
    this.#counters.namesEvicted.add(this.#names.evicted)
    counts.unmatched = 0
    counts.unanswered = 0
    counts.evicted = 0
    this.#names.evicted = 0
  }
}

function hashBytes(hash: number, heap: Uint8Array, at: number, length: number): number {
  for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ heap[i]!, 0x01000193)
  return hash >>> 0
}
