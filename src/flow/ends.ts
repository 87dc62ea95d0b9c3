import type { FlowBatch } from './batch.ts'
import { EndpointTable, HOST_ENDPOINT, UNKNOWN_ENDPOINT, WORLD_ENDPOINT } from './endpoint.ts'
import { LocalAddresses } from './local-addresses.ts'

/**
 * Names both ends of a flow: the endpoint a processor found, else this machine (one of its own addresses), else the
 * world; unknown without IP, and where a flow of another observer names nobody. Readers (encoder, filters) ask here, so that all of them see the same ends.
 */
export class Ends {
  readonly table: EndpointTable
  readonly #local: LocalAddresses

  constructor(table = new EndpointTable(), local = new LocalAddresses()) {
    this.table = table
    this.#local = local
  }

  /** To be called before the rows of a batch are looked at. */
  refresh(): void {
    this.#local.refresh()
  }

  /** Id in `table` of the row's source. */
  source(batch: FlowBatch, row: number): number {
    const { sourceEndpoint, sourceAddress, ipVersion } = batch.columns
    return sourceEndpoint[row]! || this.#reserved(batch, sourceAddress, row, ipVersion[row]!)
  }

  /** Id in `table` of the row's destination. */
  destination(batch: FlowBatch, row: number): number {
    const { destinationEndpoint, destinationAddress, ipVersion } = batch.columns
    return destinationEndpoint[row]! || this.#reserved(batch, destinationAddress, row, ipVersion[row]!)
  }

  #reserved(batch: FlowBatch, addresses: Uint32Array, row: number, ipVersion: number): number {
    // What is here, or in no cluster, is another question for the observer a flow came from: it names its own ends.
    if (ipVersion === 0 || batch.foreign !== undefined) return UNKNOWN_ENDPOINT
    return this.#local.has(addresses, row) ? HOST_ENDPOINT : WORLD_ENDPOINT
  }
}
