import type { FlowBatch } from './batch.ts'
import { dropReasonEnumName } from './drop-reason-names.ts'
import type { Ends } from './ends.ts'
import { Direction, FlowType, Kind, Protocol, Reply, Verdict } from './enums.ts'
import { eventTypeText } from './event-type-text.ts'
import { l4Name, observationPointName, verdictName } from './flow-names.ts'
import type { ForeignFlows } from './foreign.ts'
import { type ExtensionSink, visitExtensions } from './hubble-extensions.ts'
import { encoded } from './hubble-fields.ts'
import { AttributeWriter, attributeKeys } from './otlp-attributes.ts'
import { EndAttributes } from './otlp-ends.ts'
import { writeLayer7Attributes } from './otlp-layer7.ts'
import { EXTENSION_NAMES, FLOW_EVENT, Name } from './otlp-names.ts'
import { fixed64Tag, lengthTag, ProtobufWriter, varintTag } from './protobuf-writer.ts'
import { flagsText, summary } from './summary.ts'

/** Fields of `LogRecord` (`opentelemetry/proto/logs/v1/logs.proto`). */
const TIME = fixed64Tag(1)
const SEVERITY_NUMBER = varintTag(2)
const SEVERITY_TEXT = lengthTag(3)
const ATTRIBUTES = lengthTag(6)
const TRACE_ID = lengthTag(9)
const OBSERVED_TIME = fixed64Tag(11)
const EVENT_NAME = lengthTag(12)
/** `ScopeLogs.log_records` */
const LOG_RECORDS = lengthTag(2)

/** `SeverityNumber` */
const INFO = 9
const WARN = 13

const KEY = attributeKeys(Name)
const EXTENSION_KEYS = attributeKeys(EXTENSION_NAMES)

const TYPES: Readonly<Record<number, string>> = {
  [FlowType.L3_L4]: 'L3_L4',
  [FlowType.L7]: 'L7',
  [FlowType.SOCK]: 'SOCK',
}
const DIRECTIONS: Readonly<Record<number, string>> = { [Direction.INGRESS]: 'INGRESS', [Direction.EGRESS]: 'EGRESS' }

/** Values of `network.transport`, by IP protocol. */
const TRANSPORTS: readonly (string | undefined)[] = Array.from({ length: 256 }, (_, protocol) =>
  protocol === Protocol.ICMP ? 'icmp' : l4Name(protocol)?.toLowerCase(),
)

/** Most combinations of what a flow says of itself that are kept encoded: a few hundred bytes each. */
const KEPT_FACTS = 4_096

/** A trace id as it goes into `LogRecord.trace_id`. */
const TRACE_ID_TEXT = /^(?!0{32})[0-9a-f]{32}$/i

/** Bytes of records that never change. */
function constants() {
  const writer = new ProtobufWriter()
  const part = (write: (writer: ProtobufWriter, out: AttributeWriter) => void) =>
    encoded(writer, (w) => write(w, new AttributeWriter(w, ATTRIBUTES)))
  const severity = (number: number, text: string) =>
    part((w) => {
      w.textField(SEVERITY_TEXT, text)
      w.varintField(SEVERITY_NUMBER, number)
    })
  const bits = Array.from({ length: 512 }, (_, i) => i)
  return {
    info: severity(INFO, 'INFO'),
    warn: severity(WARN, 'WARN'),
    event: part((w) => w.textField(EVENT_NAME, FLOW_EVENT)),
    flags: bits.map((flags) => part((_, out) => out.texts(KEY.tcpFlags, flagsText(flags).split(', ')))),
    flagSummaries: bits.map((flags) => part((_, out) => out.text(KEY.summary, `TCP Flags: ${flagsText(flags)}`))),
  }
}

/**
 * Encodes rows as OTLP log records straight from the columns; attribute names are in `otlp-names.ts`. What repeats (ends,
 * flags, what a flow says of itself) is encoded once. Empty and unknown values are left out.
 */
export class OtlpFlowEncoder {
  readonly #ends: Ends
  readonly #writer = new ProtobufWriter()
  readonly #out = new AttributeWriter(this.#writer, ATTRIBUTES)
  readonly #extensions = new ExtensionAttributes(this.#out)
  readonly #constants = constants()
  readonly #source = new EndAttributes('source', (writer) => new AttributeWriter(writer, ATTRIBUTES))
  readonly #destination = new EndAttributes('destination', (writer) => new AttributeWriter(writer, ATTRIBUTES))
  readonly #facts = new Map<number, Uint8Array>()

  constructor(ends: Ends) {
    this.#ends = ends
  }

  /** To be called before the rows of a batch are encoded. */
  refresh(): void {
    this.#ends.refresh()
  }

  /**
   * The rows from `from` to before `to` as fields `log_records` of `ScopeLogs`, in order; a view, valid until the next call.
   * @param observedMs when the batch was taken, Unix milliseconds
   */
  records(batch: FlowBatch, from: number, to: number, observedMs: number): Uint8Array {
    const writer = this.#writer
    const [seconds, nanos] = [Math.floor(observedMs / 1_000), (observedMs % 1_000) * 1e6]
    writer.beginOver()
    for (let row = to - 1; row >= from; row--) {
      const mark = writer.written
      writer.raw(this.#constants.event)
      writer.nanosField(OBSERVED_TIME, seconds, nanos)
      this.#record(batch, row)
      writer.close(LOG_RECORDS, mark)
    }
    return writer.finish()
  }

  #record(batch: FlowBatch, row: number): void {
    const writer = this.#writer
    const { timeSeconds, timeNanos, verdict } = batch.columns
    const { foreign } = batch
    const traceId = foreign === undefined ? '' : foreign.traceId(row)
    const isTraceId = TRACE_ID_TEXT.test(traceId)
    if (isTraceId) writer.bytesField(TRACE_ID, Buffer.from(traceId, 'hex'))
    else if (traceId !== '') this.#out.text(KEY.traceId, traceId)
    if (foreign !== undefined) this.#origin(foreign, row)
    this.#attributes(batch, row)
    writer.raw(verdict[row] === Verdict.DROPPED ? this.#constants.warn : this.#constants.info)
    writer.nanosField(TIME, timeSeconds[row]!, timeNanos[row]!)
  }

  #attributes(batch: FlowBatch, row: number): void {
    const writer = this.#writer
    const { l7, sourceNames, destinationNames } = batch.columns
    visitExtensions(batch, row, this.#extensions)
    if (l7[row] !== 0) writeLayer7Attributes(this.#out, batch, l7[row]! - 1)
    this.#names(this.#destination, batch, destinationNames[row]!)
    this.#names(this.#source, batch, sourceNames[row]!)
    const [source, destination] = [this.#ends.source(batch, row), this.#ends.destination(batch, row)]
    const { table } = this.#ends
    writer.raw(this.#destination.encoded(destination, table.get(destination)))
    writer.raw(this.#source.encoded(source, table.get(source)))
    this.#summary(batch, row)
    this.#hubble(batch, row)
    this.#network(batch, row)
  }

  #names(end: EndAttributes, batch: FlowBatch, at: number): void {
    if (at !== 0) this.#out.texts(end.names, batch.strings[at]!.split(','))
  }

  #network(batch: FlowBatch, row: number): void {
    const { ipVersion, sourceAddress, destinationAddress, protocol, interfaceName, interfaceIndex } = batch.columns
    const out = this.#out
    if (interfaceIndex[row] !== 0) out.number(KEY.interfaceIndex, interfaceIndex[row]!)
    if (interfaceName[row] !== 0) out.text(KEY.interfaceName, batch.strings[interfaceName[row]!]!)
    this.#layer4(batch, row)
    const transport = TRANSPORTS[protocol[row]!]
    if (transport !== undefined) out.text(KEY.transport, transport)
    if (ipVersion[row] === 0) return
    out.address(KEY.destinationAddress, destinationAddress, row)
    out.address(KEY.sourceAddress, sourceAddress, row)
    out.text(KEY.ipVersion, ipVersion[row] === 6 ? 'ipv6' : 'ipv4')
  }

  #layer4(batch: FlowBatch, row: number): void {
    const { protocol, sourcePort, destinationPort, tcpFlags, icmpType, icmpCode } = batch.columns
    const out = this.#out
    if (protocol[row] === Protocol.TCP && tcpFlags[row] !== 0) {
      this.#writer.raw(this.#constants.flags[tcpFlags[row]! & 0x1ff]!)
    }
    switch (protocol[row]) {
      case Protocol.TCP:
      case Protocol.UDP:
      case Protocol.SCTP:
        out.number(KEY.destinationPort, destinationPort[row]!)
        out.number(KEY.sourcePort, sourcePort[row]!)
        break
      case Protocol.ICMP:
      case Protocol.ICMPV6:
        out.number(KEY.icmpCode, icmpCode[row]!)
        out.number(KEY.icmpType, icmpType[row]!)
    }
  }

  #summary(batch: FlowBatch, row: number): void {
    const { kind, l7, protocol, tcpFlags } = batch.columns
    // Nearly every row: worth not making the text again.
    const plainTcp =
      kind[row] === Kind.PACKETS && protocol[row] === Protocol.TCP && l7[row] === 0 && batch.foreign === undefined
    if (plainTcp) this.#writer.raw(this.#constants.flagSummaries[tcpFlags[row]! & 0x1ff]!)
    else this.#out.text(KEY.summary, summary(batch, row))
  }

  /** What Hubble says of the flow: few combinations of numbers, most of all flows have the same ones. */
  #hubble(batch: FlowBatch, row: number): void {
    const { verdict, type, direction, isReply, observationPoint, dropReason, eventType, eventSubType, l7 } =
      batch.columns
    const small = verdict[row]! < 8 && type[row]! < 4 && direction[row]! < 4 && isReply[row]! < 4
    if (l7[row] !== 0 || batch.foreign !== undefined || !small) {
      this.#writeHubble(batch, row)
      return
    }
    const bytes =
      observationPoint[row]! | (dropReason[row]! << 8) | (eventType[row]! << 16) | (eventSubType[row]! << 24)
    const bits = verdict[row]! | (type[row]! << 3) | (direction[row]! << 5) | (isReply[row]! << 7)
    const key = bits * 0x100000000 + (bytes >>> 0)
    const known = this.#facts.get(key)
    if (known !== undefined) {
      this.#writer.raw(known)
      return
    }
    const mark = this.#writer.written
    this.#writeHubble(batch, row)
    if (this.#facts.size >= KEPT_FACTS) this.#facts.clear()
    this.#facts.set(key, this.#writer.since(mark).slice())
  }

  #writeHubble(batch: FlowBatch, row: number): void {
    const { verdict, type, direction, isReply, observationPoint, dropReason } = batch.columns
    const out = this.#out
    if (isReply[row] !== Reply.UNKNOWN) out.bool(KEY.isReply, isReply[row] === Reply.YES)
    const directionName = DIRECTIONS[direction[row]!]
    if (directionName !== undefined) out.text(KEY.direction, directionName)
    if (observationPoint[row] !== 0) out.text(KEY.observationPoint, observationPointName(observationPoint[row]!))
    out.text(KEY.eventType, eventTypeText(batch, row))
    const typeName = TYPES[type[row]!]
    if (typeName !== undefined) out.text(KEY.type, typeName)
    if (verdict[row] === Verdict.DROPPED) {
      out.text(KEY.dropReason, dropReasonEnumName(dropReason[row]!) ?? String(dropReason[row]))
    }
    out.text(KEY.verdict, verdictName(verdict[row]!))
  }

  /** Own flows are of the resource's node, and get their UUID from the Hubble API. */
  #origin(foreign: ForeignFlows, row: number): void {
    const [nodeName, uuid] = [foreign.nodeName(row), foreign.uuid(row)]
    if (uuid !== '') this.#out.text(KEY.uuid, uuid)
    if (nodeName !== '') this.#out.text(KEY.nodeName, nodeName)
  }
}

/** Writes extensions as attributes. */
class ExtensionAttributes implements ExtensionSink {
  readonly #out: AttributeWriter

  constructor(out: AttributeWriter) {
    this.#out = out
  }

  number(key: keyof typeof EXTENSION_NAMES, value: number): void {
    this.#out.number(EXTENSION_KEYS[key], value)
  }

  text(key: keyof typeof EXTENSION_NAMES, value: string): void {
    this.#out.text(EXTENSION_KEYS[key], value)
  }
}
