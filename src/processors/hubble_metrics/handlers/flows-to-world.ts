import type { FlowBatch } from '../../../flow/batch.ts'
import { POLICY_DENIED } from '../../../flow/drop-reason-names.ts'
import { Protocol, Reply, TcpFlag, Verdict } from '../../../flow/enums.ts'
import { l4Name, protocolLabel, verdictName } from '../../../flow/flow-names.ts'
import type { Family } from '../../../metrics/family.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import { protocolOf } from './flow.ts'
import type { Handler, HandlerSettings } from './handler.ts'
import { Traces } from './traces.ts'
import { WorldEnds } from './world-ends.ts'

/** The numbers of a key: an index of `#protocols` in 6 bits, verdict in 8, whether there is a port, port in 16. */
const PROTOCOL_SHIFT = 25
const VERDICT_SHIFT = 17
const WITH_PORT = 1 << 16

/** `hubble_flows_to_world_total`: flows to what is outside, requests alone. */
export function flowsToWorldHandler(settings: HandlerSettings): Handler {
  return new FlowsToWorld(settings)
}

class FlowsToWorld implements Handler {
  readonly families: readonly Family[]
  readonly #settings: HandlerSettings
  readonly #family: Family
  readonly #series: SeriesCache
  readonly #world: WorldEnds
  readonly #traces: Traces
  readonly #anyDrop: boolean
  readonly #withPort: boolean
  readonly #synOnly: boolean
  /** Labels `protocol` seen so far, and which of them an event type with a protocol has, + 1. */
  readonly #protocols: string[] = []
  readonly #protocolOf = new Uint8Array(1 << 16)

  constructor(settings: HandlerSettings) {
    const { options } = settings
    this.#settings = settings
    this.#anyDrop = options.has('any-drop')
    this.#withPort = options.has('port')
    this.#synOnly = options.has('syn-only')
    this.#traces = new Traces(options)
    this.#world = new WorldEnds(settings.endpoints)
    this.#family = settings.family({
      name: 'hubble_flows_to_world_total',
      help: 'Total number of flows to reserved:world',
      kind: 'counter',
      labels: ['protocol', 'verdict', ...(this.#withPort ? ['port'] : [])],
    })
    this.families = [this.#family]
    this.#series = new SeriesCache(this.#family, (key) => this.#labels(key), settings.ends)
  }

  observe(batch: FlowBatch): void {
    const { ends } = this.#settings
    const { weight } = batch.columns
    ends.begin(batch)
    this.#world.refresh()
    this.#series.refresh()
    const traced = this.#traces.in(batch)
    for (let i = 0; i < batch.length; i++) {
      if (!this.#counts(batch, i) || !this.#world.isDestination(batch, i) || !isWhole(batch, i)) continue
      const id = this.#series.id(ends.id(i), this.#key(batch, i))
      this.#family.add(id, weight[i]!)
      if (traced) this.#traces.keep(this.#family, id, batch, i, weight[i]!)
    }
  }

  #counts({ columns }: FlowBatch, row: number): boolean {
    const { verdict, dropReason, isReply, protocol, tcpFlags } = columns
    const reply = isReply[row] === Reply.YES
    // Destination ports of replies say nothing.
    if (verdict[row] !== Verdict.DROPPED) {
      if (reply) return false
    } else if (!this.#anyDrop && dropReason[row] !== POLICY_DENIED) return false
    if (!this.#synOnly) return true
    return !reply && protocol[row] === Protocol.TCP && (tcpFlags[row]! & TcpFlag.SYN) !== 0
  }

  #key(batch: FlowBatch, row: number): number {
    const { eventType, verdict, protocol, destinationPort } = batch.columns
    const label = this.#protocol((eventType[row]! << 8) | protocolOf(batch, row))
    const key = ((label << PROTOCOL_SHIFT) | (verdict[row]! << VERDICT_SHIFT)) >>> 0
    return this.#withPort && hasPorts(protocol[row]!) ? (key | WITH_PORT | destinationPort[row]!) >>> 0 : key
  }

  /** @param of event type and protocol */
  #protocol(of: number): number {
    const known = this.#protocolOf[of]!
    if (known > 0) return known - 1
    const label = protocolLabel(of >>> 8, of & 0xff)
    const at = this.#protocols.indexOf(label)
    const index = at < 0 ? this.#protocols.push(label) - 1 : at
    this.#protocolOf[of] = index + 1
    return index
  }

  #labels(key: number): string[] {
    const labels = [this.#protocols[key >>> PROTOCOL_SHIFT]!, verdictName((key >>> VERDICT_SHIFT) & 0xff)]
    if (!this.#withPort) return labels
    return [...labels, key & WITH_PORT ? String(key & 0xffff) : '']
  }
}

function hasPorts(protocol: number): boolean {
  return protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP
}

/** Whether Hubble's flow would have both `l4` and `event_type`; those of other observers may have empty ones. */
function isWhole({ columns, foreign }: FlowBatch, row: number): boolean {
  const { protocol, eventType } = columns
  if (l4Name(protocol[row]!) === undefined && foreign?.hasLayer4(row) !== true) return false
  return eventType[row] !== 0 || foreign?.hasEventType(row) === true
}
