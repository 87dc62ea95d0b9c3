import type { FlowBatch } from '../../../flow/batch.ts'
import { dnsRcodeText, dnsTypeName } from '../../../flow/dns-names.ts'
import { Reply, Verdict } from '../../../flow/enums.ts'
import { L7Protocol } from '../../../flow/l7.ts'
import type { Family } from '../../../metrics/family.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { EndLabels } from '../contexts/end-labels.ts'
import type { Handler, HandlerSettings } from './handler.ts'

const AAAA = 28

/** What a key holds: 1 bit drop, 5 bits rcode, 8 bits count of addresses, 9 bits question type. */
const RCODES = 32
const TYPES = 512

/** Counts DNS messages: `hubble_dns_queries_total`, `hubble_dns_responses_total`, `hubble_dns_response_types_total`. */
export function dnsHandler(settings: HandlerSettings): Handler {
  return new DnsHandler(settings)
}

class DnsHandler implements Handler {
  readonly families: readonly Family[]
  readonly #queries: Family
  readonly #responses: Family
  readonly #types: Family
  readonly #querySeries: SeriesCache
  readonly #responseSeries: SeriesCache
  readonly #typeSeries: SeriesCache
  readonly #ends: EndLabels
  readonly #withQuery: boolean
  readonly #ignoreAaaa: boolean

  constructor(settings: HandlerSettings) {
    this.#ends = settings.ends
    this.#withQuery = settings.options.has('query')
    this.#ignoreAaaa = settings.options.has('ignoreaaaa')
    const query = this.#withQuery ? ['query'] : []
    const labels = ['rcode', 'qtypes', 'ips_returned', ...query]
    const make = (name: string, help: string, own: string[]) =>
      settings.family({ name, help, kind: 'counter', labels: own })
    this.#queries = make('hubble_dns_queries_total', 'Number of DNS queries observed', labels)
    this.#responses = make('hubble_dns_responses_total', 'Number of DNS responses observed', labels)
    const typeLabels = ['type', 'qtypes', ...query]
    this.#types = make('hubble_dns_response_types_total', 'Number of DNS responses observed by type', typeLabels)
    this.#querySeries = new SeriesCache(this.#queries, messageLabels, settings.ends)
    this.#responseSeries = new SeriesCache(this.#responses, messageLabels, settings.ends)
    const answerLabels = (key: number) => [dnsTypeName(key >>> 9), dnsTypeName(key % TYPES)]
    this.#typeSeries = new SeriesCache(this.#types, answerLabels, settings.ends)
    this.families = [this.#queries, this.#responses, this.#types]
  }

  observe(batch: FlowBatch): void {
    if (batch.l7.length === 0) return
    const { l7, verdict, isReply, weight } = batch.columns
    const { protocol } = batch.l7.columns
    this.#ends.begin(batch)
    for (const series of [this.#querySeries, this.#responseSeries, this.#typeSeries]) series.refresh()
    for (let i = 0; i < batch.length; i++) {
      const row = l7[i]! - 1
      if (row < 0 || protocol[row] !== L7Protocol.DNS) continue
      if (this.#ignoreAaaa && isOnlyAaaa(batch, row)) continue
      const end = this.#ends.id(i)
      const dropped = verdict[i] === Verdict.DROPPED
      if (dropped || isReply[i] !== Reply.YES) {
        this.#queries.add(this.#messageId(batch, row, this.#queries, end, dropped ? 'Policy denied' : ''), weight[i]!)
        continue
      }
      const rcode = rcodeLabel(batch.l7.columns.rcode[row]!)
      this.#responses.add(this.#messageId(batch, row, this.#responses, end, rcode), weight[i]!)
      this.#countTypes(batch, row, end, weight[i]!)
    }
  }

  /** By key where the message is usual: one question, and numbers that fit. @param rcode label value */
  #messageId(batch: FlowBatch, row: number, family: Family, end: number, rcode: string): number {
    const { typeCount, addressCount } = batch.l7.columns
    const number = batch.l7.columns.rcode[row]!
    const type = typeCount[row] === 1 ? firstType(batch, row) : TYPES
    if (this.#withQuery || number >= RCODES || type >= TYPES) {
      const rest = [...this.#query(batch, row), ...this.#ends.values(end)]
      return family.series(rcode, qtypes(batch, row), String(addressCount[row]), ...rest)
    }
    const response = family === this.#responses
    const drop = rcode !== '' && !response ? 1 : 0
    const key = (drop << 22) | ((response ? number : 0) << 17) | (addressCount[row]! << 9) | type
    return response ? this.#responseSeries.id(end, key | RESPONSE) : this.#querySeries.id(end, key)
  }

  #countTypes(batch: FlowBatch, row: number, end: number, weight: number): void {
    const { typeCount, answerTypeCount, answerTypesAt } = batch.l7.columns
    const { heap } = batch.l7
    const question = typeCount[row] === 1 ? firstType(batch, row) : TYPES
    for (let i = 0, at = answerTypesAt[row]!; i < answerTypeCount[row]!; i++, at += 2) {
      const type = heap[at]! | (heap[at + 1]! << 8)
      const usual = !this.#withQuery && question < TYPES
      const id = usual
        ? this.#typeSeries.id(end, (type << 9) | question)
        : this.#types.series(
            dnsTypeName(type),
            qtypes(batch, row),
            ...this.#query(batch, row),
            ...this.#ends.values(end),
          )
      this.#types.add(id, weight)
    }
  }

  #query(batch: FlowBatch, row: number): string[] {
    return this.#withQuery ? [batch.l7.query(row)] : []
  }
}

/** Marks keys of responses: their rcode 0 has a text. */
const RESPONSE = 1 << 23

function messageLabels(key: number): string[] {
  const rcode = key & RESPONSE ? rcodeLabel((key >>> 17) % RCODES) : key & (1 << 22) ? 'Policy denied' : ''
  return [rcode, dnsTypeName(key % TYPES), String((key >>> 9) & 0xff)]
}

/** What Hubble's metrics say of a code where its summaries say something else. */
const RCODE_LABELS: Readonly<Record<number, string>> = {
  9: 'Not Authorized',
  11: 'DSO-TYPE Not Implemented',
  23: 'Bad/missing Server Cookie',
}

/** Hubble's metrics leave codes without a text empty, its summaries say `Unknown`. */
function rcodeLabel(rcode: number): string {
  const text = RCODE_LABELS[rcode] ?? dnsRcodeText(rcode)
  return text === 'Unknown' ? '' : text
}

function qtypes(batch: FlowBatch, row: number): string {
  return batch.l7.types(row).map(dnsTypeName).join(',')
}

function firstType(batch: FlowBatch, row: number): number {
  const at = batch.l7.columns.typesAt[row]!
  return batch.l7.heap[at]! | (batch.l7.heap[at + 1]! << 8)
}

function isOnlyAaaa(batch: FlowBatch, row: number): boolean {
  return batch.l7.columns.typeCount[row] === 1 && firstType(batch, row) === AAAA
}
