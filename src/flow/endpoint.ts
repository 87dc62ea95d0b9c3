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

/** One end of flows, in the terms of `flow.Endpoint`. Never changed: a change of a pod is a new object under the same id. */
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
  /** `''` in the cluster named `default`. */
  readonly clusterName: string
  /** The service whose address this is. */
  readonly service?: ServiceName
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

/** Endpoints by id. Ids are given out in order and stay: kept flows go on to name them. */
export class EndpointTable {
  /** Endpoints that found no room. */
  refused = 0
  readonly #endpoints: Endpoint[] = [...RESERVED]
  readonly #limit: number

  /** @param limit most endpoints */
  constructor(limit = 1 << 20) {
    this.#limit = limit
  }

  /** Ids in use are below this. */
  get size(): number {
    return this.#endpoints.length
  }

  /** The endpoint with this id, the unknown one where there is none. */
  get(id: number): Endpoint {
    return this.#endpoints[id] ?? this.#endpoints[UNKNOWN_ENDPOINT]!
  }

  /** Takes an endpoint in. Returns its id, `UNKNOWN_ENDPOINT` when the table is full. */
  add(added: Endpoint): number {
    if (this.#endpoints.length >= this.#limit) {
      this.refused++
      return UNKNOWN_ENDPOINT
    }
    return this.#endpoints.push(added) - 1
  }

  /** What is known of an endpoint changed; flows that are kept show the new state. */
  replace(id: number, changed: Endpoint): void {
    if (id > WORLD_ENDPOINT && id < this.#endpoints.length) this.#endpoints[id] = changed
  }
}
