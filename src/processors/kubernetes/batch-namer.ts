import type { FlowBatch } from '../../flow/batch.ts'
import { type EndpointTable, endpoint, HOST_ENDPOINT, WORLD_ENDPOINT } from '../../flow/endpoint.ts'
import { LocalAddresses } from '../../flow/local-addresses.ts'
import { MOST_ROWS } from './address-table.ts'
import type { ClusterModel } from './cluster-model.ts'
import { UNOWNED } from './end-resolver.ts'
import { PrefixSet } from './prefix-set.ts'

/** Where an unknown address may well be a pod's: RFC 1918, RFC 6598, RFC 4193. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']

/** Writes the endpoint ids of both ends of every row of a batch. */
export class BatchNamer {
  /** Ends inside the cluster's pod networks that nobody has, counted since the start. */
  unmanaged = 0
  readonly #table: EndpointTable
  readonly #model: ClusterModel
  readonly #local: LocalAddresses
  readonly #private = new PrefixSet()
  readonly #worldV4: number
  readonly #worldV6: number
  readonly #unmanaged: number
  /** Numbers of addresses of the rows under way. */
  readonly #sources = new Uint32Array(MOST_ROWS)
  readonly #destinations = new Uint32Array(MOST_ROWS)
  #hostId = HOST_ENDPOINT
  #waits = false
  #open = false

  constructor(table: EndpointTable, model: ClusterModel, local = new LocalAddresses()) {
    this.#table = table
    this.#model = model
    this.#local = local
    for (const cidr of PRIVATE) this.#private.add(cidr)
    this.#worldV4 = table.add(endpoint({ identity: 9, labels: ['reserved:world-ipv4'] }))
    this.#worldV6 = table.add(endpoint({ identity: 10, labels: ['reserved:world-ipv6'] }))
    this.#unmanaged = table.add(endpoint({ identity: 3, labels: ['reserved:unmanaged'] }))
  }

  /** @param waits whether the batch may be named again @returns then: whether an end that nobody has may still turn out to be a pod's */
  name(batch: FlowBatch, waits: boolean): boolean {
    this.#model.settle()
    this.#local.refresh()
    this.#hostId = this.#model.hostId || HOST_ENDPOINT
    this.#waits = waits
    this.#open = false
    const counted = this.unmanaged
    batch.epoch = this.#table.epoch
    for (let from = 0; from < batch.length; from += MOST_ROWS)
      this.#nameRows(batch, from, Math.min(from + MOST_ROWS, batch.length))
    // Those of a batch that waits are counted when it goes on.
    if (this.#open) this.unmanaged = counted
    return this.#open
  }

  #nameRows({ columns }: FlowBatch, from: number, to: number): void {
    const { resolver, ownership } = this.#model
    const { sourceAddress, destinationAddress, sourcePort, destinationPort } = columns
    const { sourceEndpoint, destinationEndpoint, timeSeconds, timeNanos, protocol, ipVersion } = columns
    const sources = this.#sources
    const destinations = this.#destinations
    ownership.addresses.findAll(sourceAddress, from, to - from, sources)
    ownership.addresses.findAll(destinationAddress, from, to - from, destinations)
    for (let i = from; i < to; i++) {
      if (ipVersion[i] === 0) continue
      const seconds = timeSeconds[i]!
      const nanos = timeNanos[i]!
      const layer4 = protocol[i]! << 16
      const source = resolver.find(sources[i - from]!, layer4 | sourcePort[i]!, seconds, nanos)
      sourceEndpoint[i] = source === UNOWNED ? this.#outside(sourceAddress, i, ipVersion[i]!) : source
      const destination = resolver.find(destinations[i - from]!, layer4 | destinationPort[i]!, seconds, nanos)
      destinationEndpoint[i] =
        destination === UNOWNED ? this.#outside(destinationAddress, i, ipVersion[i]!) : destination
    }
  }

  /** Its own ids are not used any more. */
  clear(): void {
    for (const id of [this.#worldV4, this.#worldV6, this.#unmanaged]) this.#table.retire(id)
  }

  /** Endpoint id of an address that no object of the cluster has. */
  #outside(column: Uint32Array, row: number, ipVersion: number): number {
    if (this.#local.has(column, row)) return this.#hostId
    if (this.#waits && this.#private.has(column, row)) this.#open = true
    if (this.#model.podNetworks.has(column, row)) {
      this.unmanaged++
      this.#open = this.#waits
      return this.#unmanaged
    }
    if (!this.#model.dualStack) return WORLD_ENDPOINT
    return ipVersion === 6 ? this.#worldV6 : this.#worldV4
  }
}
