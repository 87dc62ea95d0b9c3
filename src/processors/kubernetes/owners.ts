import type { Endpoint, EndpointTable, ServiceName } from '../../flow/endpoint.ts'
import { PairTable } from '../../flow/pair-table.ts'
import type { OwnershipLimits } from './ownership.ts'
import { type PastEnd, PastEnds } from './past-ends.ts'

/** What owns addresses. */
export const OwnerKind = { POD: 1, NODE: 2, SERVICE: 3, API_SERVER: 4 } as const

/** What is known by endpoint id of whether flows of that end are wanted. */
const Sight = { NO_POD: 0, OBSERVED: 1, UNOBSERVED: 2 } as const

/** Describes an owner as flows show it. Called when a flow first names it, and again after a change. */
export interface Described {
  /** `OwnerKind` */
  readonly kind: number
  /** Whether flows of this end are wanted. */
  readonly observed: boolean
  describe(): Endpoint
  /** Name of a service that is asked for as such. */
  readonly service?: ServiceName
  /** Whether it is no more; flows of its time may still name it. */
  gone?: boolean
}

/**
 * Owners of addresses by number, and the endpoint ids that stand for them in flows. An id is made only when a flow names the
 * owner: in a cluster of 50,000 pods an agent sees a few hundred. After a change of an owner the next flow makes new ones; flows of
 * before that come late go on to get the old ones for a while, and flows that are kept to name them.
 */
export class Owners {
  readonly #table: EndpointTable
  readonly #records: (Described | undefined)[] = [undefined]
  readonly #free: number[] = []
  /** By owner: endpoint id (0 = not made), kind, and how many addresses, present or past, are its. */
  #ids = new Uint32Array(64)
  #kinds = new Uint8Array(64)
  #uses = new Uint32Array(64)
  /** Id of an owner as a backend of a service, by both their numbers. */
  readonly #backends = new PairTable()
  /** The same by owner, to find them at a change. */
  readonly #services = new Map<number, number[]>()
  /** How owners were shown before, by owner the second from which on that is over, and the last one of these. */
  readonly #past: PastEnds
  #since = new Uint32Array(64)
  #lastChange = 0
  /** `Sight` by endpoint id. */
  #sights = new Uint8Array(64)
  #live = 0
  /** Whether there was ever an end whose flows are not wanted. */
  hasUnobserved = false

  constructor(table: EndpointTable, limits: OwnershipLimits, clock?: () => number) {
    this.#table = table
    this.#past = new PastEnds(limits, (past) => this.#forgotten(past), clock)
  }

  /** Past ends that are known. */
  get history(): number {
    return this.#past.size
  }

  /** Those forgotten before their time. */
  get evicted(): number {
    return this.#past.evicted
  }

  /** Forgets what is long past. To be called every few seconds. */
  sweep(): void {
    this.#past.sweep()
  }

  get size(): number {
    return this.#live
  }

  kind(owner: number): number {
    return this.#kinds[owner]!
  }

  record(owner: number): Described | undefined {
    return this.#records[owner]
  }

  /** Takes an owner in; it stays until `remove`, and then until its last address is forgotten. */
  add(record: Described): number {
    const owner = this.#free.pop() ?? this.#records.length
    this.#records[owner] = record
    if (owner >= this.#ids.length) this.#grow()
    this.#kinds[owner] = record.kind
    this.#uses[owner] = 1
    this.#live++
    return owner
  }

  /** It is no more, though flows of its time may still name it. */
  depart(owner: number): void {
    const record = this.#records[owner]
    if (record === undefined) return
    record.gone = true
    this.#table.depart(this.#ids[owner]!)
    for (const service of this.#services.get(owner) ?? []) this.#table.depart(this.#backends.get(owner, service))
  }

  /** Something its description is made of changed just now: flows of before show it as it was. */
  change(owner: number): void {
    const ids = this.#takeIds(owner)
    if (ids.size === 0) return
    for (const id of ids.values()) this.#table.depart(id)
    const second = Math.ceil(this.#past.add(owner, ids) / 1_000)
    this.#since[owner] = second
    this.#lastChange = Math.max(this.#lastChange, second)
  }

  /** More is known of it than before: all flows show that from now on. */
  correct(owner: number): void {
    for (const id of this.#takeIds(owner).values()) this.#table.retire(id)
  }

  /** What its description is made of may have changed: compares it with what flows show. */
  renew(owner: number): void {
    const [service] = this.#services.get(owner) ?? []
    const id = this.#ids[owner]! || (service === undefined ? 0 : this.#backends.get(owner, service))
    if (id === 0) return
    const now = this.#records[owner]!.describe()
    if (!isSame(now, this.#table.get(id))) this.change(owner)
  }

  /** One more address is its. */
  use(owner: number): void {
    this.#uses[owner]!++
  }

  /** One of its addresses is forgotten, or the object itself. */
  release(owner: number): void {
    this.#uses[owner]!--
    if (this.#uses[owner] !== 0) return
    this.#end(owner)
    if (this.#records[owner]?.service !== undefined) this.#forgetService(owner)
    this.#records[owner] = undefined
    this.#free.push(owner)
    this.#live--
  }

  /** Endpoint id of an owner as it is now. */
  idNow(owner: number): number {
    return this.#ids[owner]! || this.#make(owner)
  }

  /** Endpoint id of an owner at a time, Unix seconds and nanoseconds. */
  id(owner: number, seconds: number, nanos: number): number {
    if (seconds < this.#lastChange && seconds < this.#since[owner]!) return this.#earlier(owner, 0, seconds, nanos)
    return this.#ids[owner]! || this.#make(owner)
  }

  /** The same of an owner reached as, or answering for, a service. */
  idAs(owner: number, service: number, seconds: number, nanos: number): number {
    if (seconds < this.#lastChange && seconds < this.#since[owner]!)
      return this.#earlier(owner, service, seconds, nanos)
    return this.#idAsNow(owner, service)
  }

  /** Whether flows between these endpoints are wanted: where pods are, one of them must be. @param others where none is */
  isWanted(source: number, destination: number, others: boolean): boolean {
    const [a, b] = [this.#sights[source]!, this.#sights[destination]!]
    if (a === Sight.OBSERVED || b === Sight.OBSERVED) return true
    return a === Sight.UNOBSERVED || b === Sight.UNOBSERVED ? false : others
  }

  /** All ids are retired: this user of the table ends. */
  clear(): void {
    for (let owner = 1; owner < this.#records.length; owner++) if (this.#records[owner]) this.#end(owner)
  }

  /** @param service 0 = as itself */
  #earlier(owner: number, service: number, seconds: number, nanos: number): number {
    const past = this.#past.at(owner, seconds * 1_000 + nanos / 1e6)
    const known = past?.ids.get(service)
    if (known !== undefined) return known
    const as = this.#records[service]?.service
    // It was not shown as that then, but as something else.
    const [other] = past?.ids.values() ?? []
    if (past === undefined || other === undefined || (as === undefined && service !== 0))
      return service === 0 ? this.idNow(owner) : this.#idAsNow(owner, service)
    const { service: _, ...shown } = this.#table.get(other)
    const id = this.#table.add(as === undefined ? shown : { ...shown, service: as })
    if (id === 0) return other
    past.ids.set(service, id)
    this.#table.depart(id)
    this.#setSight(id, this.#sights[other]!)
    return id
  }

  #idAsNow(owner: number, service: number): number {
    return this.#backends.get(owner, service) || this.#makeBackend(owner, service)
  }

  /** Takes an owner's ids from it, by number of the service; 0 = as itself. */
  #takeIds(owner: number): Map<number, number> {
    const ids = new Map<number, number>()
    if (this.#ids[owner] !== 0) ids.set(0, this.#ids[owner]!)
    this.#ids[owner] = 0
    for (const service of this.#services.get(owner) ?? []) {
      ids.set(service, this.#backends.get(owner, service))
      this.#backends.delete(owner, service)
    }
    this.#services.delete(owner)
    return ids
  }

  /** Nobody asks for it any more. */
  #end(owner: number): void {
    this.correct(owner)
    this.#past.forget(owner)
  }

  #forgotten({ owner, ids }: PastEnd): void {
    for (const id of ids.values()) this.#table.retire(id)
    if (!this.#past.has(owner)) this.#since[owner] = 0
  }

  #make(owner: number): number {
    const record = this.#records[owner]
    if (record === undefined) return 0
    const id = this.#table.add(record.describe())
    this.#ids[owner] = id
    this.#mark(id, record)
    return id
  }

  #makeBackend(owner: number, service: number): number {
    const record = this.#records[owner]
    const as = this.#records[service]?.service
    if (record === undefined || as === undefined) return this.idNow(owner)
    // An address that several services share belongs to the one of the port.
    if (record.kind === OwnerKind.SERVICE) return this.idNow(service)
    const id = this.#table.add({ ...record.describe(), service: as })
    if (id === 0) return this.idNow(owner)
    this.#backends.set(owner, service, id)
    const known = this.#services.get(owner)
    if (known === undefined) this.#services.set(owner, [service])
    else known.push(service)
    this.#mark(id, record)
    return id
  }

  #mark(id: number, record: Described): void {
    if (record.gone) this.#table.depart(id)
    if (!record.observed) this.hasUnobserved = true
    const seen = record.observed ? Sight.OBSERVED : Sight.UNOBSERVED
    this.#setSight(id, record.kind === OwnerKind.POD ? seen : Sight.NO_POD)
  }

  #setSight(id: number, sight: number): void {
    while (id >= this.#sights.length) this.#sights = enlarged(this.#sights, new Uint8Array(2 * this.#sights.length))
    this.#sights[id] = sight
  }

  /** The number of a service becomes another owner's: nothing may be known by it. */
  #forgetService(service: number): void {
    for (const [owner, services] of this.#services) if (services.includes(service)) this.change(owner)
    for (const { ids } of this.#past.values()) {
      const id = ids.get(service)
      if (id === undefined) continue
      ids.delete(service)
      this.#table.retire(id)
    }
  }

  #grow(): void {
    const size = 2 * this.#ids.length
    this.#ids = enlarged(this.#ids, new Uint32Array(size))
    this.#kinds = enlarged(this.#kinds, new Uint8Array(size))
    this.#uses = enlarged(this.#uses, new Uint32Array(size))
    this.#since = enlarged(this.#since, new Uint32Array(size))
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  const workload = ({ workloads: [first] }: Endpoint) => `${first?.kind}/${first?.name}`
  return a.identity === b.identity && workload(a) === workload(b) && a.labels.join() === b.labels.join()
}

function enlarged<T extends Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
