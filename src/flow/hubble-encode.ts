import type { FlowBatch } from './batch.ts'
import type { Endpoint } from './endpoint.ts'
import type { Ends } from './ends.ts'
import { Kind, Protocol, Reply, Verdict } from './enums.ts'
import type { ForeignFlows } from './foreign.ts'
import { ExtensionsWriter } from './hubble-extensions.ts'
import {
  encoded,
  optional,
  optionalText,
  writeEmitter,
  writeEndpoint,
  writeEventType,
  writeInterface,
  writeIp,
  writeIsReply,
  writeNames,
  writePair,
  writeTcpFlags,
  writeTime,
} from './hubble-fields.ts'
import { writeLayer7 } from './hubble-layer7.ts'
import { writeUuid } from './hubble-uuid.ts'
import { lengthTag, ProtobufWriter, varintTag } from './protobuf-writer.ts'
import { flagsText, summary } from './summary.ts'

/** What every flow of an encoder carries. */
export interface EncoderSettings {
  nodeName: string
  /** `flow.Emitter` */
  emitter: { name: string; version: string }
  ends: Ends
  /** What every UUID begins with ({@link uuidPrefix}). */
  uuidPrefix: string
}

/** Field of `flow.Layer4` by IP protocol; 0 = it has none. */
const LAYER4_MEMBERS = new Uint8Array(256)
LAYER4_MEMBERS[Protocol.TCP] = 1
LAYER4_MEMBERS[Protocol.UDP] = 2
LAYER4_MEMBERS[Protocol.ICMP] = 3
LAYER4_MEMBERS[Protocol.ICMPV6] = 4
LAYER4_MEMBERS[Protocol.SCTP] = 5
LAYER4_MEMBERS[Protocol.VRRP] = 6
LAYER4_MEMBERS[Protocol.IGMP] = 7

/**
 * Encodes rows as `observer.GetFlowsResponse` (field numbers: `src/hubble/proto/`) straight from the columns.
 * What repeats (ends, flags, node name) is encoded once.
 */
export class HubbleEncoder {
  readonly #writer = new ProtobufWriter()
  readonly #extensions = new ExtensionsWriter(this.#writer)
  readonly #ends: Ends
  readonly #uuidPrefix: string
  readonly #nodeName: Uint8Array
  readonly #responseNode: Uint8Array
  readonly #emitter: Uint8Array
  readonly #tcpFlags: readonly Uint8Array[]
  readonly #flagSummaries: readonly Uint8Array[]
  #labelled: { from: readonly string[]; bytes: Uint8Array } = { from: [], bytes: new Uint8Array() }
  readonly #endpoints: ({ from: Endpoint; bytes: Uint8Array } | undefined)[] = []

  constructor({ nodeName, emitter, ends, uuidPrefix }: EncoderSettings) {
    this.#ends = ends
    this.#uuidPrefix = uuidPrefix
    const part = (write: (writer: ProtobufWriter) => void) => encoded(this.#writer, write)
    this.#nodeName = part((w) => w.textField(lengthTag(11), nodeName))
    this.#responseNode = part((w) => w.textField(lengthTag(1000), nodeName))
    this.#emitter = part((w) => writeEmitter(w, emitter))
    const bits = Array.from({ length: 512 }, (_, i) => i)
    this.#tcpFlags = bits.map((flags) => part((w) => writeTcpFlags(w, flags)))
    this.#flagSummaries = bits.map((flags) =>
      part((w) => w.textField(lengthTag(100_000), `TCP Flags: ${flagsText(flags)}`)),
    )
  }

  /** To be called before the rows of a batch are encoded. */
  refresh(): void {
    this.#ends.refresh()
  }

  /** One row as `observer.GetFlowsResponse`. @param serial number of the batch, unique in this process, below 2^46 */
  response(batch: FlowBatch, row: number, serial: number): Uint8Array {
    if (batch.foreign !== undefined) return this.#foreign(batch, row, batch.foreign)
    const writer = this.#writer
    const { timeSeconds, timeNanos } = batch.columns
    writer.begin()
    writeTime(writer, lengthTag(1001), timeSeconds[row]!, timeNanos[row]!)
    writer.raw(this.#responseNode)
    const flow = writer.written
    this.#flow(batch, row, serial)
    writer.close(lengthTag(1), flow)
    return writer.finish()
  }

  /** The flow as it came, node and time of the response from it. */
  #foreign(batch: FlowBatch, row: number, foreign: ForeignFlows): Uint8Array {
    const writer = this.#writer
    const { timeSeconds, timeNanos } = batch.columns
    writer.begin()
    writeTime(writer, lengthTag(1001), timeSeconds[row]!, timeNanos[row]!)
    optionalText(writer, 1000, foreign.nodeName(row))
    writer.bytesField(lengthTag(1), foreign.raw(row))
    return writer.finish()
  }

  /** `flow.Flow`, last field first. */
  #flow(batch: FlowBatch, row: number, serial: number): void {
    const writer = this.#writer
    const columns = batch.columns
    const source = this.#ends.source(batch, row)
    const destination = this.#ends.destination(batch, row)
    const { table } = this.#ends
    this.#extensions.write(batch, row, table.get(source), table.get(destination))
    this.#summary(batch, row)
    writer.raw(this.#emitter)
    writer.raw(this.#nodeLabels())
    writeUuid(writer, this.#uuidPrefix, serial, row)
    writeInterface(writer, batch, row)
    writeIsReply(writer, columns.isReply[row]!)
    if (columns.verdict[row] === Verdict.DROPPED) optional(writer, 25, columns.dropReason[row]!)
    optional(writer, 24, columns.observationPoint[row]!)
    optional(writer, 22, columns.direction[row]!)
    this.#service(21, destination)
    this.#service(20, source)
    writeEventType(writer, columns.eventType[row]!, columns.eventSubType[row]!)
    if (columns.isReply[row] === Reply.YES) writer.varintField(varintTag(16), 1)
    if (columns.l7[row] !== 0) writeLayer7(writer, batch, columns.l7[row]! - 1)
    writeNames(writer, 14, batch.strings[columns.destinationNames[row]!]!)
    writeNames(writer, 13, batch.strings[columns.sourceNames[row]!]!)
    writer.raw(this.#nodeName)
    optional(writer, 10, columns.type[row]!)
    writer.bytesField(lengthTag(9), this.#endpoint(destination))
    writer.bytesField(lengthTag(8), this.#endpoint(source))
    this.#layer4(batch, row)
    writeIp(writer, batch, row)
    if (columns.verdict[row] === Verdict.DROPPED) optional(writer, 3, columns.dropReason[row]!)
    optional(writer, 2, columns.verdict[row]!)
    writeTime(writer, lengthTag(1), columns.timeSeconds[row]!, columns.timeNanos[row]!)
  }

  /** `node_labels`, encoded once for each state of the node. */
  #nodeLabels(): Uint8Array {
    const { nodeLabels } = this.#ends.table.cluster
    if (this.#labelled.from !== nodeLabels) {
      const bytes = encoded(new ProtobufWriter(), (w) => {
        for (const label of nodeLabels.toReversed()) w.textField(lengthTag(37), label)
      })
      this.#labelled = { from: nodeLabels, bytes }
    }
    return this.#labelled.bytes
  }

  #summary(batch: FlowBatch, row: number): void {
    const { kind, l7, protocol, tcpFlags } = batch.columns
    // Nearly every row: worth not making the text again.
    const plainTcp = kind[row] === Kind.PACKETS && protocol[row] === Protocol.TCP && l7[row] === 0
    if (plainTcp) this.#writer.raw(this.#flagSummaries[tcpFlags[row]! & 0x1ff]!)
    else this.#writer.textField(lengthTag(100_000), summary(batch, row))
  }

  #service(field: number, id: number): void {
    const service = this.#ends.table.get(id).service
    if (service === undefined) return
    const mark = this.#writer.written
    optionalText(this.#writer, 2, service.namespace)
    optionalText(this.#writer, 1, service.name)
    this.#writer.close(lengthTag(field), mark)
  }

  /** `flow.Endpoint` of an id, encoded once for each state of the endpoint. */
  #endpoint(id: number): Uint8Array {
    const from = this.#ends.table.get(id)
    const known = this.#endpoints[id]
    if (known?.from === from) return known.bytes
    const bytes = encoded(new ProtobufWriter(), (writer) => writeEndpoint(writer, from))
    this.#endpoints[id] = { from, bytes }
    return bytes
  }

  /** `flow.Layer4`: absent for protocols it has no member for. */
  #layer4(batch: FlowBatch, row: number): void {
    const { protocol, icmpType, icmpCode, tcpFlags, sourcePort, destinationPort } = batch.columns
    const member = LAYER4_MEMBERS[protocol[row]!]!
    if (member === 0) return
    const writer = this.#writer
    const mark = writer.written
    switch (protocol[row]) {
      case Protocol.TCP:
        writer.raw(this.#tcpFlags[tcpFlags[row]! & 0x1ff]!)
        writePair(writer, sourcePort[row]!, destinationPort[row]!)
        break
      case Protocol.UDP:
      case Protocol.SCTP:
        writePair(writer, sourcePort[row]!, destinationPort[row]!)
        break
      case Protocol.ICMP:
      case Protocol.ICMPV6:
        writePair(writer, icmpType[row]!, icmpCode[row]!)
    }
    writer.close(lengthTag(member), mark)
    writer.close(lengthTag(6), mark)
  }
}
