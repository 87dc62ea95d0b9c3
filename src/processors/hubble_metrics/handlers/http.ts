import type { FlowBatch } from '../../../flow/batch.ts'
import { Direction, L7Type } from '../../../flow/enums.ts'
import { L7Protocol } from '../../../flow/l7.ts'
import type { Family, FamilyOptions } from '../../../metrics/family.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'
import { HeapTexts } from './heap-texts.ts'
import { Traces } from './traces.ts'

/** Seconds; the default buckets of Prometheus' clients, as Hubble uses them. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** By `Direction`: on whose side the message was seen. */
const REPORTERS = ['unknown', 'server', 'client'] as const

/** The numbers of a key: `HeapTexts` in 12 bits, status in 16, reporter in 2. */
const TEXT_SHIFT = 18
const STATUS_SHIFT = 2

const NUL = 0

/** `http`: requests, responses and their duration, with source and destination as flows have them. */
export function httpHandler(settings: HandlerSettings): Handler {
  return new HttpHandler(settings, false)
}

/** `httpV2`: responses alone, counted for the client: its engine of ends answers with both ends swapped. */
export function httpV2Handler(settings: HandlerSettings): Handler {
  return new HttpHandler(settings, true)
}

/** What each label reads from a key. */
const LABELS = {
  method: (key: number, texts: HeapTexts) => texts.text(key >>> TEXT_SHIFT).split('\0')[0]!,
  protocol: (key: number, texts: HeapTexts) => texts.text(key >>> TEXT_SHIFT).split('\0')[1] ?? '',
  status: (key: number) => String((key >>> STATUS_SHIFT) & 0xffff),
  reporter: (key: number) => REPORTERS[key & 0b11]!,
} as const

type Label = keyof typeof LABELS

const STATUS_LABELS: readonly Label[] = ['method', 'protocol', 'status', 'reporter']

interface Counted {
  family: Family
  series: SeriesCache
}

class HttpHandler implements Handler {
  readonly families: readonly Family[]
  readonly #settings: HandlerSettings
  readonly #traces: Traces
  /** Method and protocol, a NUL between them. */
  readonly #texts = new HeapTexts(() => this.#forget())
  /** Undefined where responses alone count. */
  readonly #requests: Counted | undefined
  readonly #responses: Counted
  readonly #duration: Counted
  readonly #all: readonly Counted[]

  constructor(settings: HandlerSettings, responsesOnly: boolean) {
    this.#settings = settings
    this.#traces = new Traces(settings.options)
    const [requests, responses] = ['hubble_http_requests_total', 'hubble_http_responses_total']
    if (responsesOnly) this.#responses = this.#counter(requests, 'Count of HTTP requests', STATUS_LABELS)
    else {
      this.#requests = this.#counter(requests, 'Count of HTTP requests', ['method', 'protocol', 'reporter'])
      this.#responses = this.#counter(responses, 'Count of HTTP responses', STATUS_LABELS)
    }
    this.#duration = this.#counted(['method', 'reporter'], {
      name: 'hubble_http_request_duration_seconds',
      help: 'Quantiles of HTTP request duration in seconds',
      kind: 'histogram',
      unit: 's',
      buckets: BUCKETS,
    })
    this.#all = [...(this.#requests === undefined ? [] : [this.#requests]), this.#responses, this.#duration]
    this.families = this.#all.map(({ family }) => family)
  }

  observe(batch: FlowBatch): void {
    if (batch.l7.length === 0) return
    const { l7 } = batch.columns
    const { protocol, type } = batch.l7.columns
    this.#settings.ends.begin(batch)
    for (const { series } of this.#all) series.refresh()
    for (let i = 0; i < batch.length; i++) {
      const row = l7[i]! - 1
      if (row < 0 || protocol[row] !== L7Protocol.HTTP) continue
      if (type[row] === L7Type.RESPONSE) this.#response(batch, i, row)
      else if (type[row] === L7Type.REQUEST && this.#requests !== undefined) {
        this.#count(this.#requests, batch, i, this.#key(batch, i, row))
      }
    }
  }

  #response(batch: FlowBatch, i: number, row: number): void {
    const key = this.#key(batch, i, row)
    this.#count(this.#responses, batch, i, key)
    const { family, series } = this.#duration
    // Keys that differ in what its labels do not tell are one series.
    const id = series.id(this.#settings.ends.id(i), key)
    const seconds = batch.l7.columns.latencyNs[row]! / 1e9
    family.observe(id, seconds, batch.columns.weight[i])
    if (this.#traces.in(batch)) this.#traces.keep(family, id, batch, i, seconds)
  }

  #count({ family, series }: Counted, batch: FlowBatch, i: number, key: number): void {
    const weight = batch.columns.weight[i]!
    const id = series.id(this.#settings.ends.id(i), key)
    family.add(id, weight)
    if (this.#traces.in(batch)) this.#traces.keep(family, id, batch, i, weight)
  }

  #key(batch: FlowBatch, i: number, row: number): number {
    const { namesAt, namesBytes, rcode } = batch.l7.columns
    const { heap } = batch.l7
    const at = namesAt[row]!
    const text = this.#texts.number(heap, at, secondNul(heap, at, at + namesBytes[row]!))
    const direction = batch.columns.direction[i]!
    const reporter = direction < REPORTERS.length ? direction : Direction.UNKNOWN
    return ((text << TEXT_SHIFT) | (rcode[row]! << STATUS_SHIFT) | reporter) >>> 0
  }

  #counter(name: string, help: string, labels: readonly Label[]): Counted {
    return this.#counted(labels, { name, help, kind: 'counter' })
  }

  #counted(labels: readonly Label[], options: FamilyOptions): Counted {
    const family = this.#settings.family({ ...options, labels })
    const values = (key: number) => labels.map((label) => LABELS[label](key, this.#texts))
    return { family, series: new SeriesCache(family, values, this.#settings.ends) }
  }

  #forget(): void {
    for (const { series } of this.#all) series.clear()
  }
}

/** Where method and protocol end. */
function secondNul(heap: Uint8Array, at: number, end: number): number {
  let seen = 0
  for (let i = at; i < end; i++) if (heap[i] === NUL && ++seen === 2) return i
  return end
}
