import { type Endpoint, type EndpointTable, type ServiceName, UNKNOWN_ENDPOINT } from '../../../flow/endpoint.ts'
import type { LabelTable } from '../../../metrics/label-table.ts'
import { SeriesIndex } from '../../../metrics/series-index.ts'

/** What is read of an endpoint: as many texts as labels. */
export type EndpointReading = (endpoint: Endpoint) => readonly string[]

/** A number never given: the endpoint was not asked for. */
const UNREAD = 0

/** Most values that one sweep finds gone; the next one goes on. */
const MAX_GONE = 256

/** Ends of the cluster that are asked for in one step of a sweep; each takes some 15 µs. */
const STEP = 100

/** Number of values that are all empty. Many ends have nothing to say; it never goes. */
export const EMPTY = 1

/**
 * Label values that endpoints give, as numbers, remembered by endpoint id: endpoints that say the same have one number. Numbers
 * whose endpoints are all gone are told by `sweep`, so that the series that bear them can go too.
 */
export class EndpointValues {
  readonly #table: EndpointTable
  readonly #read: EndpointReading
  /** By endpoint id. */
  #numbers = new Uint32Array(64)
  /** Values by number. */
  readonly #values: SeriesIndex
  /** Numbers ever given are below this. */
  #end = EMPTY + 1
  /** The endpoint that was read last for a number; `undefined` = it is free. */
  readonly #examples: (Endpoint | undefined)[] = [undefined, undefined]
  /** When no endpoint was found to say it, in Unix milliseconds; 0 = one did. */
  readonly #goneMs: number[] = [0, 0]
  readonly #free: number[] = []

  /** @param texts where values are kept, each once */
  constructor(table: EndpointTable, read: EndpointReading, texts: LabelTable) {
    this.#table = table
    this.#read = read
    // Whoever it is read of, it gives as many texts.
    const width = read(table.get(UNKNOWN_ENDPOINT)).length
    this.#values = new SeriesIndex(width, texts)
    this.#values.insert(EMPTY, new Array<string>(width).fill(''))
  }

  /** Distinct values in use. */
  get size(): number {
    return this.#values.size
  }

  /** Number (> 0) of what the endpoint says. */
  number(id: number): number {
    const known = this.#numbers[id]
    return known !== undefined && known !== UNREAD ? known : this.#ask(id)
  }

  /** What a number stands for. */
  values(number: number): readonly string[] {
    return this.#values.values(number)
  }

  /** Whether an endpoint says this, or did not long ago. */
  isLive(values: readonly string[]): boolean {
    return this.#values.find(values) >= 0
  }

  /** The id is about to become another endpoint's. */
  forget(id: number): void {
    if (id < this.#numbers.length) this.#numbers[id] = UNREAD
  }

  /**
   * Finds numbers that no endpoint has said for a time, in steps between which flows may be counted. Each is forgotten and may
   * come to stand for something else.
   * @returns what they stood for
   */
  *sweep(nowMs: number, graceMs: number): Generator<void, (readonly string[])[]> {
    const due = yield* this.#due(nowMs, graceMs)
    yield* this.#spare(due)
    // Some may have been read meanwhile.
    return this.#drop(due.filter((number) => this.#goneMs[number] !== 0))
  }

  /** Numbers that nobody known has said for the time of grace; of all others is noted since when. */
  *#due(nowMs: number, graceMs: number): Generator<void, number[]> {
    const said = new Uint8Array(this.#end)
    for (let id = 0; id < this.#numbers.length; id++) {
      const number = this.#numbers[id]!
      if (number !== UNREAD && said[number] === 0 && this.#table.isCurrent(id)) said[number] = 1
    }
    const due: number[] = []
    let asked = 0
    for (let number = EMPTY + 1; number < said.length; number++) {
      if (this.#examples[number] === undefined || said[number] === 1) {
        this.#goneMs[number] = 0
        continue
      }
      if (++asked % STEP === 0) yield
      if (this.#isThere(number)) this.#goneMs[number] = 0
      else if (this.#goneMs[number] === 0) this.#goneMs[number] = nowMs
      else if (nowMs - this.#goneMs[number]! >= graceMs && due.length < MAX_GONE) due.push(number)
    }
    return due
  }

  /** What a processor still knows to be said, though no flow named that end since it changed. */
  #isThere(number: number): boolean {
    const now = this.#table.cluster.now(this.#examples[number]!)
    if (now === undefined || this.#values.find(this.#read(now)) !== number) return false
    this.#examples[number] = now
    return true
  }

  /** Keeps those that others of the cluster say, though none of them had a flow here: a workload outlives its pods. */
  *#spare(due: readonly number[]): Generator<void> {
    const shared = due.filter((number) => !this.#tellsPod(number))
    if (shared.length === 0) return
    const waiting = new Set(shared)
    const examples = shared.map((number) => this.#examples[number]!)
    const services = servicesByWorkload(examples)
    let asked = 0
    for (const member of this.#table.cluster.members(new Set(examples.map(({ namespace }) => namespace)))) {
      // Flows may ask for a pod as a service; the cluster tells of the pod alone.
      const names = [...(services.get(workloadKey(member))?.values() ?? [])]
      for (const end of [member, ...names.map((service) => ({ ...member, service }))]) {
        const number = this.#values.find(this.#read(end))
        if (waiting.delete(number)) {
          this.#examples[number] = end
          this.#goneMs[number] = 0
        }
        if (++asked % STEP === 0) yield
      }
      if (waiting.size === 0) return
    }
  }

  /** Whether nobody but this one pod says it. */
  #tellsPod(number: number): boolean {
    const example = this.#examples[number]!
    if (example.podName === '') return false
    return this.#values.find(this.#read({ ...example, podName: '' })) !== number
  }

  #drop(numbers: readonly number[]): (readonly string[])[] {
    if (numbers.length === 0) return []
    const dead = new Uint8Array(this.#end)
    for (const number of numbers) dead[number] = 1
    for (let id = 0; id < this.#numbers.length; id++) if (dead[this.#numbers[id]!] === 1) this.#numbers[id] = UNREAD
    const gone: (readonly string[])[] = []
    for (const number of numbers) {
      const values = this.values(number)
      gone.push(values)
      this.#values.remove(number)
      this.#examples[number] = undefined
      this.#goneMs[number] = 0
      this.#free.push(number)
    }
    return gone
  }

  #ask(id: number): number {
    const endpoint = this.#table.get(id)
    const number = this.#intern(this.#read(endpoint))
    this.#examples[number] = endpoint
    this.#goneMs[number] = 0
    if (id >= this.#numbers.length) {
      // No more than the table has: ids are below its size.
      const larger = new Uint32Array(Math.max(2 * this.#numbers.length, id + 1))
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[id] = number
    return number
  }

  #intern(values: readonly string[]): number {
    const known = this.#values.find(values)
    if (known >= 0) return known
    const number = this.#free.pop() ?? this.#end++
    this.#values.insert(number, values)
    return number
  }
}

/** By workload, then by name: the services as which its pods were asked for. */
function servicesByWorkload(examples: readonly Endpoint[]): Map<string, Map<string, ServiceName>> {
  const services = new Map<string, Map<string, ServiceName>>()
  for (const example of examples) {
    const { podName, service } = example
    // A service's own address is nobody else's.
    if (podName === '' || service === undefined) continue
    const key = workloadKey(example)
    const known = services.get(key) ?? new Map<string, ServiceName>()
    services.set(key, known.set(`${service.namespace}/${service.name}`, service))
  }
  return services
}

function workloadKey({ namespace, workloads: [workload] }: Endpoint): string {
  return `${namespace}/${workload?.kind ?? ''}/${workload?.name ?? ''}`
}
