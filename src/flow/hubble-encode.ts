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
import { type EndpointMask, EXTENSIONS, type FlowMask, SUMMARY, WHOLE } from './hubble-mask.ts'
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

  /**
   * One row as `observer.GetFlowsResponse`; its time and node name are there whatever the mask says.
   * @param serial number of the batch, unique in this process, below 2^46
   * @param mask what is wanted of the flow; undefined = all of it
   */
  response(batch: FlowBatch, row: number, serial: number, mask?: FlowMask): Uint8Array {
    if (batch.foreign !== undefined) return this.#foreign(batch, row, batch.foreign, mask)
    const writer = this.#writer
    const { timeSeconds, timeNanos } = batch.columns
    writer.begin()
    writeTime(writer, lengthTag(1001), timeSeconds[row]!, timeNanos[row]!)
    writer.raw(this.#responseNode)
    const before = writer.written
    this.#flow(batch, row, serial, mask)
    if (mask?.rest !== undefined) writer.replace(before, mask.rest.cut(writer.since(before)))
    writer.close(lengthTag(1), before)
    return writer.finish()
  }

  /** One row as `flow.Flow`. @param mask as for `response`, messages within are whole */
  flow(batch: FlowBatch, row: number, serial: number, mask?: FlowMask): Uint8Array {
    if (batch.foreign !== undefined) return batch.foreign.raw(row)
    this.#writer.begin()
    this.#flow(batch, row, serial, mask)
    return this.#writer.finish()
  }

  /** The flow as it came, node and time of the response from it. */
  #foreign(batch: FlowBatch, row: number, foreign: ForeignFlows, mask: FlowMask | undefined): Uint8Array {
    const writer = this.#writer
    const { timeSeconds, timeNanos } = batch.columns
    const raw = foreign.raw(row)
    writer.begin()
    writeTime(writer, lengthTag(1001), timeSeconds[row]!, timeNanos[row]!)
    optionalText(writer, 1000, foreign.nodeName(row))
    writer.bytesField(lengthTag(1), mask === undefined ? raw : mask.flow.cut(raw))
    return writer.finish()
  }

  /** `flow.Flow`, last field first. */
  #flow(batch: FlowBatch, row: number, serial: number, mask: FlowMask | undefined): void {
    const writer = this.#writer
    const columns = batch.columns
    const wanted = mask?.top ?? WHOLE
    const source = this.#ends.source(batch, row)
    const destination = this.#ends.destination(batch, row)
    const { table } = this.#ends
    const dropped = columns.verdict[row] === Verdict.DROPPED
    if (wanted[EXTENSIONS] === 1) this.#extensions.write(batch, row, table.get(source), table.get(destination))
    if (wanted[SUMMARY] === 1) this.#summary(batch, row)
    if (wanted[41] === 1) writer.raw(this.#emitter)
    if (wanted[37] === 1) writer.raw(this.#nodeLabels())
    if (wanted[34] === 1) writeUuid(writer, this.#uuidPrefix, serial, row)
    if (wanted[28] === 1) writeInterface(writer, batch, row)
    if (wanted[26] === 1) writeIsReply(writer, columns.isReply[row]!)
    if (wanted[25] === 1 && dropped) optional(writer, 25, columns.dropReason[row]!)
    if (wanted[24] === 1) optional(writer, 24, columns.observationPoint[row]!)
    if (wanted[22] === 1) optional(writer, 22, columns.direction[row]!)
    if (wanted[21] === 1) this.#service(21, destination)
    if (wanted[20] === 1) this.#service(20, source)
    if (wanted[19] === 1) writeEventType(writer, columns.eventType[row]!, columns.eventSubType[row]!)
    if (wanted[16] === 1 && columns.isReply[row] === Reply.YES) writer.varintField(varintTag(16), 1)
    if (wanted[15] === 1 && columns.l7[row] !== 0) writeLayer7(writer, batch, columns.l7[row]! - 1)
    if (wanted[14] === 1) writeNames(writer, 14, batch.strings[columns.destinationNames[row]!]!)
    if (wanted[13] === 1) writeNames(writer, 13, batch.strings[columns.sourceNames[row]!]!)
    if (wanted[11] === 1) writer.raw(this.#nodeName)
    if (wanted[10] === 1) optional(writer, 10, columns.type[row]!)
    if (wanted[9] === 1) writer.bytesField(lengthTag(9), this.#endpoint(destination, mask?.destination))
    if (wanted[8] === 1) writer.bytesField(lengthTag(8), this.#endpoint(source, mask?.source))
    if (wanted[6] === 1) this.#layer4(batch, row)
    if (wanted[5] === 1) writeIp(writer, batch, row)
    if (wanted[3] === 1 && dropped) optional(writer, 3, columns.dropReason[row]!)
    if (wanted[2] === 1) optional(writer, 2, columns.verdict[row]!)
    if (wanted[1] === 1) writeTime(writer, lengthTag(1), columns.timeSeconds[row]!, columns.timeNanos[row]!)
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
  #endpoint(id: number, mask: EndpointMask | undefined): Uint8Array {
    const from = this.#ends.table.get(id)
    let known = this.#endpoints[id]
    if (known?.from !== from) {
      known = { from, bytes: encoded(new ProtobufWriter(), (writer) => writeEndpoint(writer, from)) }
      this.#endpoints[id] = known
    }
    return mask === undefined ? known.bytes : mask.cut(id, known.bytes)
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
