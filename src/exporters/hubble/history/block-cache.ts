import type { RingEntry } from '../ring-entry.ts'
import { decodeBlock } from './block.ts'
import type { StoredBlock } from './segment.ts'
import type { EndpointReader } from './stored-endpoints.ts'

/** A block in memory. */
export interface LoadedBlock {
  readonly block: StoredBlock
  /** In order, with consecutive sequence numbers. */
  readonly entries: readonly RingEntry[]
}

interface Cached extends LoadedBlock {
  /** Endpoints to give back. */
  readonly texts: readonly string[]
}

/** Blocks that were read last, for all readers; each reader holds one more at most, its own. */
export class BlockCache {
  readonly #endpoints: EndpointReader
  readonly #maxBytes: number
  /** Least recently asked for first. */
  readonly #cached = new Map<StoredBlock, Cached>()
  readonly #loading = new Map<StoredBlock, Promise<Cached>>()
  #bytes = 0

  constructor(endpoints: EndpointReader, maxBytes: number) {
    this.#endpoints = endpoints
    this.#maxBytes = maxBytes
  }

  /** Memory the blocks hold. */
  get bytes(): number {
    return this.#bytes
  }

  /** @throws Error when it cannot be read */
  async load(block: StoredBlock): Promise<LoadedBlock> {
    const known = this.#cached.get(block)
    if (known !== undefined) {
      this.#cached.delete(block)
      this.#cached.set(block, known)
      return known
    }
    let loading = this.#loading.get(block)
    if (loading === undefined) {
      loading = this.#load(block).finally(() => this.#loading.delete(block))
      this.#loading.set(block, loading)
    }
    return loading
  }

  /** Forgets all blocks. */
  clear(): void {
    this.#shrink(0)
  }

  async #load(block: StoredBlock): Promise<Cached> {
    const body = await block.segment.read(block)
    const loaded = { block, ...decodeBlock(body, block.from, this.#endpoints) }
    this.#cached.set(block, loaded)
    this.#bytes += block.rawBytes
    this.#shrink(this.#maxBytes)
    return loaded
  }

  #shrink(maxBytes: number): void {
    for (const [block, { texts }] of this.#cached) {
      if (this.#bytes <= maxBytes) return
      this.#cached.delete(block)
      this.#bytes -= block.rawBytes
      this.#endpoints.release(texts)
    }
  }
}
