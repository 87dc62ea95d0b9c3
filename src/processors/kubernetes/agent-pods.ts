import type { ClusterView } from '../../flow/cluster-view.ts'
import type { PodRecord } from './pod-record.ts'

/** Tells the cluster's view which nodes run an agent, from the agents' pods. A rolling update may have two on a node for a while. */
export class AgentPods {
  readonly #view: ClusterView
  /** By node: address by key of the pod, the newest last. */
  readonly #nodes = new Map<string, Map<string, string>>()

  constructor(view: ClusterView) {
    this.#view = view
  }

  /** @param key `namespace/name` */
  set(key: string, { agent, endMs, node, addresses }: PodRecord): void {
    const [address] = addresses
    if (!agent || endMs !== undefined || node === '' || address === undefined) {
      this.delete(key, node)
      return
    }
    let pods = this.#nodes.get(node)
    if (pods === undefined) {
      pods = new Map()
      this.#nodes.set(node, pods)
    }
    pods.set(key, address)
    this.#tell(node)
  }

  delete(key: string, node: string): void {
    const pods = this.#nodes.get(node)
    if (pods?.delete(key) !== true) return
    if (pods.size === 0) this.#nodes.delete(node)
    this.#tell(node)
  }

  clear(): void {
    for (const node of this.#nodes.keys()) this.#view.deletePeer(node)
    this.#nodes.clear()
  }

  #tell(node: string): void {
    const address = [...(this.#nodes.get(node)?.values() ?? [])].at(-1)
    if (address === undefined) this.#view.deletePeer(node)
    else this.#view.setPeer({ node, address })
  }
}
