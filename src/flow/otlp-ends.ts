import type { Endpoint } from './endpoint.ts'
import { type AttributeWriter, attributeKey, attributeKeys, type Key } from './otlp-attributes.ts'
import { DESTINATION, type EndNames, SOURCE, WORKLOAD_KINDS, workloadName } from './otlp-names.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** Most endpoints whose attributes are kept encoded for one side: at half a KiB each. */
const KEPT = 16_384

/** The attributes of one end of flows, encoded once for each state of its endpoint. */
export class EndAttributes {
  readonly #keys: Record<keyof EndNames, Key>
  readonly #kinds: ReadonlyMap<string, Key>
  readonly #writer = new ProtobufWriter()
  readonly #attributes: AttributeWriter
  #known: ({ from: Endpoint; bytes: Uint8Array } | undefined)[] = []
  #count = 0

  /** @param attributes makes the writer of attributes into a message */
  constructor(end: 'source' | 'destination', attributes: (writer: ProtobufWriter) => AttributeWriter) {
    const names: EndNames = end === 'source' ? SOURCE : DESTINATION
    this.#keys = attributeKeys({ ...names })
    this.#kinds = new Map(WORKLOAD_KINDS.map((kind) => [kind, attributeKey(workloadName(end, kind))]))
    this.#attributes = attributes(this.#writer)
  }

  /** Key of the DNS names, which are the flow's. */
  get names(): Key {
    return this.#keys.names
  }

  /** Whole fields of a log record. @param from what the table has of `id` */
  encoded(id: number, from: Endpoint): Uint8Array {
    const known = this.#known[id]
    if (known?.from === from) return known.bytes
    if (known === undefined && ++this.#count > KEPT) {
      this.#known = []
      this.#count = 1
    }
    this.#writer.beginOver()
    this.#write(from)
    const bytes = this.#writer.finish().slice()
    this.#known[id] = { from, bytes }
    return bytes
  }

  #write(from: Endpoint): void {
    const keys = this.#keys
    const { service, workloads, labels } = from
    this.#optional(keys.zone, from.zone)
    this.#optional(keys.node, from.nodeName)
    // Nobody could name it: what else is known is a placeholder.
    if (from.identity === 0) return
    if (workloads[0] !== undefined) this.#workload(workloads[0])
    if (service !== undefined) {
      this.#attributes.text(keys.serviceNamespace, service.namespace)
      this.#attributes.text(keys.service, service.name)
    }
    this.#optional(keys.clusterName, from.clusterName)
    this.#optional(keys.podName, from.podName)
    this.#optional(keys.namespace, from.namespace)
    if (labels.length > 0) this.#attributes.texts(keys.labels, labels)
    this.#attributes.number(keys.identity, from.identity)
  }

  #workload({ name, kind }: { name: string; kind: string }): void {
    const own = this.#kinds.get(kind)
    if (own !== undefined) this.#attributes.text(own, name)
    this.#attributes.text(this.#keys.workloadKind, kind)
    this.#attributes.text(this.#keys.workload, name)
  }

  #optional(key: Key, text: string | undefined): void {
    if (text) this.#attributes.text(key, text)
  }
}
