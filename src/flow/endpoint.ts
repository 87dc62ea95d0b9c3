import { ClusterView } from './cluster-view.ts'

/** Who is at the ends of flows: columns `sourceEndpoint` and `destinationEndpoint` hold ids of this table. */

export interface Workload {
  name: string
  /** `Deployment`, `DaemonSet`, … */
  kind: string
}

export interface ServiceName {
  name: string
  namespace: string
}

/** One end of flows, in the terms of `flow.Endpoint`. Never changed: a change of a pod is another endpoint. */
export interface Endpoint {
  /** Numeric security identity; 1–255 are reserved (1 host, 2 world). */
  readonly identity: number
  /** Number of the endpoint on this node; 0 = not an endpoint of this node. */
  readonly localId: number
  readonly namespace: string
  readonly podName: string
  /** `source:key=value`, sorted. */
  readonly labels: readonly string[]
  readonly workloads: readonly Workload[]
  /** `''` outside clusters. */
  readonly clusterName: string
  /** The service whose address this is. */
  readonly service?: ServiceName
  /** The node it runs on, or is; `''` = unknown. */
  readonly nodeName?: string
  /** `topology.kubernetes.io/zone` of that node. */
  readonly zone?: string
}

/** Id of an end nobody could name. */
export const UNKNOWN_ENDPOINT = 0
/** Id of this machine itself. */
export const HOST_ENDPOINT = 1
/** Id of everything outside. */
export const WORLD_ENDPOINT = 2

const NOBODY: Endpoint = {
  identity: 0,
  localId: 0,
  namespace: '',
  podName: '',
  labels: [],
  workloads: [],
  clusterName: '',
}

/** Numbers and labels of Cilium's reserved identities. */
const RESERVED: readonly Endpoint[] = [
  { ...NOBODY, labels: ['reserved:unknown'] },
  { ...NOBODY, identity: 1, labels: ['reserved:host'] },
  { ...NOBODY, identity: 2, labels: ['reserved:world'] },
]

/** An endpoint from what is known of it. */
export function endpoint(known: Partial<Endpoint>): Endpoint {
  return { ...NOBODY, ...known }
}

/** Held by every batch that was named in one stretch of time: while it is reachable, so may be the batch. */
export interface NamingEpoch {
  readonly number: number
}

/** Ids nobody names any more since an epoch, and that epoch as the garbage collector sees it. */
interface Retired {
  epoch: WeakRef<NamingEpoch>
  ids: number[]
}

/**
 * Endpoints by id. Ids stay as long as flows that are kept may name them: whoever writes ids into a batch sets
 * `batch.epoch` to the table's current one, and a retired id is given out again only when all epochs up to that of its
 * retirement are garbage, and with them every batch, wherever it was kept.
 */
export class EndpointTable {
  /** Endpoints that found no room. */
  refused = 0
  /** Grows with every id about to become another endpoint's: what was concluded from ids before is void. */
  recycled = 0
  /** What is known of the cluster besides its endpoints. */
  readonly cluster = new ClusterView()
  readonly #endpoints: Endpoint[] = [...RESERVED]
  readonly #limit: number
  readonly #free: number[] = []
  /** By id: 1 = gone or changed. */
  #departed = new Uint8Array(64)
  readonly #watchers = new Set<(id: number) => void>()
  #epoch: NamingEpoch = { number: 1 }
  #retiring: number[] = []
  /** Oldest first. */
  #retired: Retired[] = []

  /** @param limit most endpoints */
  constructor(limit = 1 << 20) {
    this.#limit = limit
  }

  /** Ids in use are below this. */
  get size(): number {
    return this.#endpoints.length
  }

  /** Ids that wait until no batch names them. */
  get waiting(): number {
    return this.#retired.reduce((sum, { ids }) => sum + ids.length, this.#retiring.length)
  }

  /** Endpoints that ids in use or waiting stand for. */
  get used(): number {
    return this.#endpoints.length - this.#free.length
  }

  /** What a batch holds on to whose ids are written now. */
  get epoch(): NamingEpoch {
    return this.#epoch
  }

  /** The endpoint with this id, the unknown one where there is none. */
  get(id: number): Endpoint {
    return this.#endpoints[id] ?? this.#endpoints[UNKNOWN_ENDPOINT]!
  }

  /** Takes an endpoint in. Returns its id, `UNKNOWN_ENDPOINT` when the table is full. */
  add(added: Endpoint): number {
    const free = this.#free.pop()
    if (free !== undefined) {
      this.#endpoints[free] = added
      this.#departed[free] = 0
      return free
    }
    if (this.#endpoints.length >= this.#limit) {
      this.refused++
      return UNKNOWN_ENDPOINT
    }
    return this.#endpoints.push(added) - 1
  }

  /** From now on nobody writes this id; once no batch names it any more it is another endpoint's. */
  retire(id: number): void {
    if (id <= WORLD_ENDPOINT) return
    this.#retiring.push(id)
    this.depart(id)
  }

  /** What the id stands for is gone; flows of the past may still name it. */
  depart(id: number): void {
    if (id <= WORLD_ENDPOINT) return
    if (id >= this.#departed.length) {
      const larger = new Uint8Array(Math.max(2 * this.#departed.length, this.#endpoints.length))
      larger.set(this.#departed)
      this.#departed = larger
    }
    this.#departed[id] = 1
  }

  /** Whether the id stands for something that is there: neither gone, nor changed since. */
  isCurrent(id: number): boolean {
    return id < this.#endpoints.length && this.#departed[id] !== 1
  }

  /** Begins a new epoch where ids were retired, and frees those no batch names. To be called every few seconds. */
  reclaim(): void {
    let done = 0
    while (done < this.#retired.length && this.#retired[done]!.epoch.deref() === undefined) {
      for (const id of this.#retired[done]!.ids) this.#release(id)
      done++
    }
    if (done > 0) this.#retired = this.#retired.slice(done)
    if (this.#retiring.length === 0) return
    this.#retired.push({ epoch: new WeakRef(this.#epoch), ids: this.#retiring })
    this.#retiring = []
    this.#epoch = { number: this.#epoch.number + 1 }
  }

  /** Calls `watcher` with every id about to become another endpoint's. Returns a function that ends that. */
  watchRemovals(watcher: (id: number) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  #release(id: number): void {
    this.recycled++
    for (const watcher of this.#watchers) watcher(id)
    this.#endpoints[id] = this.#endpoints[UNKNOWN_ENDPOINT]!
    this.#free.push(id)
  }
}
