import { addressText } from '../../flow/address.ts'
import type { FlowBatch } from '../../flow/batch.ts'
import { DROP_REASONS, dropReasonEnumName } from '../../flow/drop-reason-names.ts'
import type { EndpointTable } from '../../flow/endpoint.ts'
import { Direction, Verdict } from '../../flow/enums.ts'
import { l4Name } from '../../flow/flow-names.ts'
import type { EventRecorder } from '../../kubernetes/event-recorder.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import type { DropEventsConfig } from './config.ts'

export interface DropEventsSettings {
  config: DropEventsConfig
  table: EndpointTable
  recorder: Pick<EventRecorder, 'warn'>
  /** Uid of a running pod; undefined = it is gone. @param key `namespace/name` */
  podUid(key: string): string | undefined
  /** Counts drops that found no room among those being counted. */
  forgotten: Counter
  clock?: () => number
}

/** Kinds of drops counted at a time. */
const MOST_KINDS = 1_000

/** Drops of one kind: same pod, same other end, same reason and way. */
interface Kind {
  count: number
  /** When counting began, or when it was told; Unix ms. */
  sinceMs: number
  told: boolean
}

/** One drop as it is told. */
interface Drop {
  batch: FlowBatch
  row: number
  incoming: boolean
  pod: number
  other: number
}

/** Tells of repeated drops at pods of this node by Kubernetes Events, as Cilium does (`PacketDrop`). */
export class DropEvents {
  readonly #settings: DropEventsSettings
  readonly #clock: () => number
  /** 1 = drops with this reason are told. */
  readonly #reasons = new Uint8Array(256)
  readonly #kinds = new Map<number, Kind>()

  constructor(settings: DropEventsSettings) {
    this.#settings = settings
    this.#clock = settings.clock ?? Date.now
    for (const reason of settings.config.reasons) this.#reasons[DROP_REASONS[reason] ?? 0] = 1
  }

  /** Looks at the drops of a named batch. */
  observe(batch: FlowBatch): void {
    const { verdict, dropReason, direction, sourceEndpoint, destinationEndpoint } = batch.columns
    const { table } = this.#settings
    for (let row = 0; row < batch.length; row++) {
      if (verdict[row] !== Verdict.DROPPED || this.#reasons[dropReason[row]!] !== 1) continue
      const [source, destination] = [sourceEndpoint[row]!, destinationEndpoint[row]!]
      const incoming = direction[row] === Direction.INGRESS || table.get(source).localId === 0
      const [pod, other] = incoming ? [destination, source] : [source, destination]
      if (table.get(pod).localId !== 0) this.#count({ batch, row, incoming, pod, other }, dropReason[row]!)
    }
  }

  #count(drop: Drop, reason: number): void {
    const { threshold, interval } = this.#settings.config
    const now = this.#clock()
    // Endpoint ids are below 2^20: the key is an exact integer.
    const key = ((drop.pod * 2 ** 20 + drop.other) * 256 + reason) * 2 + Number(drop.incoming)
    const kind = this.#kinds.get(key)
    if (kind === undefined || now - kind.sinceMs >= interval) {
      if (kind === undefined && !this.#hasRoom(now)) {
        this.#settings.forgotten.add(1)
        return
      }
      this.#kinds.set(key, { count: 1, sinceMs: now, told: threshold === 1 })
      if (threshold === 1) this.#tell(drop, reason)
      return
    }
    kind.count++
    if (kind.told || kind.count < threshold) return
    kind.told = true
    kind.sinceMs = now
    this.#tell(drop, reason)
  }

  /** Forgets kinds whose time is over, where there is no room. */
  #hasRoom(now: number): boolean {
    if (this.#kinds.size < MOST_KINDS) return true
    for (const [key, { sinceMs }] of this.#kinds)
      if (now - sinceMs >= this.#settings.config.interval) this.#kinds.delete(key)
    return this.#kinds.size < MOST_KINDS
  }

  #tell({ batch, row, incoming, pod, other }: Drop, reason: number): void {
    const { table, recorder, podUid } = this.#settings
    const { namespace, podName } = table.get(pod)
    const uid = podUid(`${namespace}/${podName}`)
    if (uid === undefined) return
    const { sourceAddress, destinationAddress, destinationPort, protocol } = batch.columns
    const address = addressText(incoming ? sourceAddress : destinationAddress, row)
    const end = table.get(other)
    const who = end.podName === '' ? (end.labels[0] ?? 'unknown') : `${end.namespace}/${end.podName}`
    const port = destinationPort[row] === 0 ? '' : `/${destinationPort[row]}`
    const way = incoming ? ['Incoming', 'from'] : ['Outgoing', 'to']
    const why = (dropReasonEnumName(reason) ?? String(reason)).toLowerCase()
    const what = `${l4Name(protocol[row]!) ?? `protocol ${protocol[row]}`}${port}`
    const subject = { apiVersion: 'v1', kind: 'Pod', name: podName, uid, namespace }
    recorder.warn(subject, 'PacketDrop', `${way[0]} packet dropped (${why}) ${way[1]} ${who} (${address}) ${what}`)
  }
}
