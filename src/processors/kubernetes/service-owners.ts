import type { Endpoint, ServiceName } from '../../flow/endpoint.ts'
import { type ClaimedAddresses, parsed } from './claimed-addresses.ts'
import type { Describer } from './describer.ts'
import { type Described, OwnerKind, type Owners } from './owners.ts'
import { NOBODY, type Ownership } from './ownership.ts'
import type { ServicePorts } from './ports.ts'
import type { ServiceRecord, SliceRecord } from './service-record.ts'

/** Backends that are looked at to say whose identity a service's own address shows. */
const BACKENDS_SEEN = 16

/** A service: as owner of its addresses, and as the name of its backends. */
class ServiceOwner implements Described {
  readonly kind = OwnerKind.SERVICE
  readonly observed = true
  readonly service: ServiceName
  readonly slices = new Set<SliceRecord>()
  /** Undefined while only slices name it. */
  declared: ServiceRecord | undefined
  /** The Service and the slices that name it; without any it is gone. */
  needs = 0
  readonly #describe: (owner: ServiceOwner) => Endpoint

  constructor(service: ServiceName, describe: (owner: ServiceOwner) => Endpoint) {
    this.service = service
    this.#describe = describe
  }

  describe(): Endpoint {
    return this.#describe(this)
  }
}

/** What is known of a service by its number. */
export interface DeclaredService {
  readonly number: number
  readonly declared: ServiceRecord | undefined
  readonly slices: Iterable<SliceRecord>
}

export interface ServiceOwnersSettings {
  owners: Owners
  ownership: Ownership
  addresses: ClaimedAddresses
  ports: ServicePorts
  describer: Describer
}

/** Keeps addresses and ports of services, and of their backends, in step with Services and EndpointSlices. */
export class ServiceOwners {
  readonly #settings: ServiceOwnersSettings
  /** By `namespace/name`, of every service that a Service or a slice names. */
  readonly #numbers = new Map<string, number>()

  constructor(settings: ServiceOwnersSettings) {
    this.#settings = settings
  }

  setService(key: string, service: ServiceRecord, before?: ServiceRecord): void {
    const owner = before === undefined ? this.#open(key) : this.#numbers.get(key)!
    const { addresses } = this.#settings
    this.#record(owner).declared = service
    if (before !== undefined) {
      const kept = new Set([...service.clusterIps, ...service.externalIps])
      const gone = [...before.clusterIps, ...before.externalIps].filter((address) => !kept.has(address))
      addresses.end(owner, gone)
      this.#removePorts(owner, before)
    }
    // Addresses that it gets later are not its since its creation.
    const sinceMs = before === undefined ? service.createdMs : Number.POSITIVE_INFINITY
    addresses.begin(owner, service.clusterIps, sinceMs)
    this.#claimExternal(owner, sinceMs)
    this.#addPorts(owner, service)
  }

  deleteService(key: string, service: ServiceRecord): void {
    const owner = this.#numbers.get(key)!
    this.#settings.addresses.end(owner, [...service.clusterIps, ...service.externalIps])
    this.#removePorts(owner, service)
    this.#record(owner).declared = undefined
    this.#close(key, owner)
  }

  addSlice(slice: SliceRecord): void {
    const owner = this.#open(slice.service)
    this.#record(owner).slices.add(slice)
    for (const words of parsed(slice.addresses))
      for (const port of slice.ports)
        this.#settings.ports.add(words, port, { service: owner, headless: slice.headless })
    this.#settings.owners.change(owner)
  }

  deleteSlice(slice: SliceRecord): void {
    const owner = this.#numbers.get(slice.service)!
    this.#record(owner).slices.delete(slice)
    for (const words of parsed(slice.addresses))
      for (const port of slice.ports) this.#settings.ports.remove(words, port, owner)
    this.#settings.owners.change(owner)
    this.#close(slice.service, owner)
  }

  /** Undefined for a service nobody names. @param key `namespace/name` */
  find(key: string): DeclaredService | undefined {
    const number = this.#numbers.get(key)
    if (number === undefined) return undefined
    const { declared, slices } = this.#record(number)
    return { number, declared, slices }
  }

  /** Addresses behind a service, in the slices' order. */
  backends(key: string): string[] {
    const owner = this.#numbers.get(key)
    return owner === undefined ? [] : [...this.#record(owner).slices].flatMap(({ addresses }) => addresses)
  }

  /**
   * Pods behind a service may have changed without its slices: what is shown of it is compared, and renewed where it differs.
   * An address that it shared may be its alone by now.
   */
  refresh(): void {
    for (const owner of this.#numbers.values()) {
      this.#settings.owners.renew(owner)
      this.#claimExternal(owner, Number.POSITIVE_INFINITY)
    }
  }

  #describe({ service, slices }: ServiceOwner): Endpoint {
    const { ownership, owners, describer } = this.#settings
    const backends: Endpoint[] = []
    for (const { addresses } of slices) {
      for (const words of parsed(addresses.slice(0, BACKENDS_SEEN - backends.length))) {
        const address = ownership.addresses.find(words, 0)
        const record = address === 0 ? undefined : owners.record(ownership.now(address))
        if (record !== undefined && record.kind !== OwnerKind.SERVICE) backends.push(record.describe())
      }
    }
    return describer.service(service, backends)
  }

  /** A load balancer's address may be a node's, or shared by services: then ports decide. */
  #claimExternal(owner: number, sinceMs: number): void {
    const externalIps = this.#record(owner).declared?.externalIps ?? []
    if (externalIps.length === 0) return
    this.#settings.addresses.beginWhere(owner, externalIps, sinceMs, (present) => present === NOBODY)
  }

  #addPorts(owner: number, { externalIps, ports, nodePorts }: ServiceRecord): void {
    const claim = { service: owner, headless: false }
    for (const words of parsed(externalIps)) for (const port of ports) this.#settings.ports.add(words, port, claim)
    for (const port of nodePorts) this.#settings.ports.add(undefined, port, claim)
  }

  #removePorts(owner: number, { externalIps, ports, nodePorts }: ServiceRecord): void {
    for (const words of parsed(externalIps)) for (const port of ports) this.#settings.ports.remove(words, port, owner)
    for (const port of nodePorts) this.#settings.ports.remove(undefined, port, owner)
  }

  /** Owner number of a service, needed once more. */
  #open(key: string): number {
    let owner = this.#numbers.get(key)
    if (owner === undefined) {
      const [namespace = '', name = ''] = key.split('/')
      owner = this.#settings.owners.add(new ServiceOwner({ namespace, name }, (own) => this.#describe(own)))
      this.#numbers.set(key, owner)
    }
    this.#record(owner).needs++
    return owner
  }

  #close(key: string, owner: number): void {
    if (--this.#record(owner).needs > 0) return
    this.#numbers.delete(key)
    this.#settings.owners.release(owner)
  }

  #record(owner: number): ServiceOwner {
    return this.#settings.owners.record(owner) as ServiceOwner
  }
}
