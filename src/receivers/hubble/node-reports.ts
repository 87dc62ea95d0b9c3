import { NodeState, type ObservedNodes } from '../../flow/observed-nodes.ts'
import type { CreateContext } from '../../pipeline/component.ts'
import type { HubbleReceiverMetrics } from './metrics.ts'
import { decodeNodeStatus, MOST_CHARACTERS } from './node-messages.ts'

/** Names of nodes in one line of the log. */
const MOST_NAMES = 10

/** What a relay says of its nodes: logged when it changes, counted, and kept for `GetNodes`. */
export class NodeReports {
  readonly #context: CreateContext
  readonly #nodes: ObservedNodes
  readonly #metrics: HubbleReceiverMetrics
  /** Nodes that are known from here. */
  readonly #told = new Set<string>()

  constructor(context: CreateContext, nodes: ObservedNodes, metrics: HubbleReceiverMetrics) {
    this.#context = context
    this.#nodes = nodes
    this.#metrics = metrics
  }

  /** @param bytes `relay.NodeStatusEvent` @param from who says it @throws Error when they are malformed */
  take(bytes: Uint8Array, from: string): void {
    const { state_change: state, node_names, message } = decodeNodeStatus(bytes)
    this.#metrics.nodeStatus(state, node_names.length)
    const changed = node_names.filter((name) => this.#nodes.get(name)?.state !== state)
    for (const name of changed) this.#keep(name, state)
    if (changed.length === 0) return
    const nodes = listed(changed)
    if (state === NodeState.CONNECTED) this.#context.log.info(`${from} is connected to ${nodes}`)
    else if (state === NodeState.UNAVAILABLE) this.#context.log.warn(`${from} does not reach ${nodes}`)
    else if (state === NodeState.ERROR)
      this.#context.log.warn(`${from} reports of ${nodes}: ${message.slice(0, MOST_CHARACTERS)}`)
  }

  /** The nodes are told of no more. */
  clear(): void {
    for (const name of this.#told) this.#nodes.delete(name)
    this.#told.clear()
  }

  #keep(name: string, state: number): void {
    if (state === NodeState.GONE) this.#nodes.delete(name)
    else this.#nodes.set({ name, address: '', tlsServerName: undefined, state })
    if (this.#nodes.get(name) === undefined) this.#told.delete(name)
    else this.#told.add(name)
  }
}

/** Names in one line; of a whole cluster the first ones. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(', ')
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} others` : shown
}
