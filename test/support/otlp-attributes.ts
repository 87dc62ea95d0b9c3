import { addressText } from '../../src/flow/address.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { dnsTypeName } from '../../src/flow/dns-names.ts'
import { dropReasonEnumName } from '../../src/flow/drop-reason-names.ts'
import type { Endpoint } from '../../src/flow/endpoint.ts'
import type { Ends } from '../../src/flow/ends.ts'
import { Direction, FlowType, L7Type, Protocol, Reply, Verdict } from '../../src/flow/enums.ts'
import { eventTypeText } from '../../src/flow/event-type-text.ts'
import { l4Name, observationPointName, verdictName } from '../../src/flow/flow-names.ts'
import type { ForeignFlows } from '../../src/flow/foreign.ts'
import { type ExtensionSink, visitEnds, visitExtensions } from '../../src/flow/hubble-extensions.ts'
import { L7Protocol, type L7Table } from '../../src/flow/l7.ts'
import { DESTINATION, EXTENSION_NAMES, Name, SOURCE, WORKLOAD_KINDS, workloadName } from '../../src/flow/otlp-names.ts'
import { dnsAddresses, flagsText, summary } from '../../src/flow/summary.ts'

/** Attributes of OTLP as plain values: numbers, texts, truths and lists of texts. */
export type Attributes = Record<string, number | string | boolean | string[]>

const TYPES: Readonly<Record<number, string>> = {
  [FlowType.L3_L4]: 'L3_L4',
  [FlowType.L7]: 'L7',
  [FlowType.SOCK]: 'SOCK',
}
const DIRECTIONS: Readonly<Record<number, string>> = { [Direction.INGRESS]: 'INGRESS', [Direction.EGRESS]: 'EGRESS' }
const L7_TYPES: Readonly<Record<number, string>> = {
  [L7Type.REQUEST]: 'REQUEST',
  [L7Type.RESPONSE]: 'RESPONSE',
  [L7Type.SAMPLE]: 'SAMPLE',
}

/** Values of `network.transport`, by IP protocol. */
const TRANSPORTS: readonly (string | undefined)[] = Array.from({ length: 256 }, (_, protocol) =>
  protocol === Protocol.ICMP ? 'icmp' : l4Name(protocol)?.toLowerCase(),
)

/** By `TcpFlag` bits, shared by all records. */
const FLAG_LISTS: readonly string[][] = Array.from({ length: 512 }, (_, bits) => flagsText(bits).split(', '))

/** What the attributes of a row are to be, as plain values. */
export function expectedAttributes(batch: FlowBatch, row: number, ends: Ends): Attributes {
  const out: Attributes = {}
  addNetwork(out, batch, row)
  addHubble(out, batch, row)
  const source = ends.table.get(ends.source(batch, row))
  const destination = ends.table.get(ends.destination(batch, row))
  addEnd(out, 'source', source)
  addEnd(out, 'destination', destination)
  const { l7, sourceNames, destinationNames } = batch.columns
  if (sourceNames[row] !== 0) out[SOURCE.names] = batch.strings[sourceNames[row]!]!.split(',')
  if (destinationNames[row] !== 0) out[DESTINATION.names] = batch.strings[destinationNames[row]!]!.split(',')
  if (l7[row] !== 0) addLayer7(out, batch, l7[row]! - 1)
  const extensions = new AttributeSink(out)
  visitExtensions(batch, row, extensions)
  visitEnds(source, destination, extensions)
  return out
}

/** Extensions as attributes of `out`. */
class AttributeSink implements ExtensionSink {
  readonly out: Attributes

  constructor(out: Attributes) {
    this.out = out
  }

  number(key: keyof typeof EXTENSION_NAMES, value: number): void {
    this.out[EXTENSION_NAMES[key]] = value
  }

  text(key: keyof typeof EXTENSION_NAMES, value: string): void {
    this.out[EXTENSION_NAMES[key]] = value
  }
}

function addNetwork(out: Attributes, batch: FlowBatch, row: number): void {
  const { ipVersion, sourceAddress, destinationAddress, protocol, interfaceName, interfaceIndex } = batch.columns
  if (ipVersion[row] !== 0) {
    out[Name.ipVersion] = ipVersion[row] === 6 ? 'ipv6' : 'ipv4'
    out[Name.sourceAddress] = addressText(sourceAddress, row)
    out[Name.destinationAddress] = addressText(destinationAddress, row)
  }
  const transport = TRANSPORTS[protocol[row]!]
  if (transport !== undefined) out[Name.transport] = transport
  addLayer4(out, batch, row)
  if (interfaceName[row] !== 0) out[Name.interfaceName] = batch.strings[interfaceName[row]!]!
  if (interfaceIndex[row] !== 0) out[Name.interfaceIndex] = interfaceIndex[row]!
}

function addLayer4(out: Attributes, batch: FlowBatch, row: number): void {
  const { protocol, sourcePort, destinationPort, tcpFlags, icmpType, icmpCode } = batch.columns
  if (protocol[row] === Protocol.TCP && tcpFlags[row] !== 0) {
    out[Name.tcpFlags] = FLAG_LISTS[tcpFlags[row]! & 0x1ff]!
  }
  switch (protocol[row]) {
    case Protocol.TCP:
    case Protocol.UDP:
    case Protocol.SCTP:
      out[Name.sourcePort] = sourcePort[row]!
      out[Name.destinationPort] = destinationPort[row]!
      break
    case Protocol.ICMP:
    case Protocol.ICMPV6:
      out[Name.icmpType] = icmpType[row]!
      out[Name.icmpCode] = icmpCode[row]!
  }
}

function addHubble(out: Attributes, batch: FlowBatch, row: number): void {
  const { verdict, type, direction, isReply, observationPoint, dropReason } = batch.columns
  out[Name.verdict] = verdictName(verdict[row]!)
  if (verdict[row] === Verdict.DROPPED) {
    out[Name.dropReason] = dropReasonEnumName(dropReason[row]!) ?? String(dropReason[row])
  }
  const typeName = TYPES[type[row]!]
  if (typeName !== undefined) out[Name.type] = typeName
  out[Name.eventType] = eventTypeText(batch, row)
  if (observationPoint[row] !== 0) out[Name.observationPoint] = observationPointName(observationPoint[row]!)
  const directionName = DIRECTIONS[direction[row]!]
  if (directionName !== undefined) out[Name.direction] = directionName
  if (isReply[row] !== Reply.UNKNOWN) out[Name.isReply] = isReply[row] === Reply.YES
  out[Name.summary] = summary(batch, row)
  if (batch.foreign !== undefined) addOrigin(out, batch.foreign, row)
}

/** Own flows are of the resource's node, and get their UUID from the Hubble API. */
function addOrigin(out: Attributes, foreign: ForeignFlows, row: number): void {
  const [nodeName, uuid] = [foreign.nodeName(row), foreign.uuid(row)]
  if (nodeName !== '') out[Name.nodeName] = nodeName
  if (uuid !== '') out[Name.uuid] = uuid
}

function addLayer7(out: Attributes, batch: FlowBatch, row: number): void {
  const { protocol, type, latencyNs } = batch.l7.columns
  out[Name.l7Type] = L7_TYPES[type[row]!] ?? 'UNKNOWN_L7_TYPE'
  if (protocol[row] === L7Protocol.HTTP) addHttp(out, batch.l7, row)
  else addDns(out, batch, row)
  if (type[row] === L7Type.RESPONSE && latencyNs[row] !== 0) out[Name.latency] = latencyNs[row]!
}

/** Headers are left out: they carry secrets, and there is no end of them. */
function addHttp(out: Attributes, table: L7Table, row: number): void {
  out[Name.l7Protocol] = 'http'
  const version = /^HTTP\/(.+)$/.exec(table.httpProtocol(row))?.[1]
  if (version !== undefined) out[Name.protocolVersion] = version
  const [method, url, code] = [table.httpMethod(row), table.httpUrl(row), table.httpCode(row)]
  if (method !== '') out[Name.httpMethod] = method
  if (url !== '') out[Name.urlFull] = url
  if (code !== 0) out[Name.httpCode] = code
}

function addDns(out: Attributes, batch: FlowBatch, row: number): void {
  const table = batch.l7
  const { type, rcode, ttlSeconds, addressCount } = table.columns
  out[Name.l7Protocol] = 'dns'
  out[Name.dnsName] = table.query(row)
  out[Name.dnsQtypes] = table.types(row).map(dnsTypeName)
  if (type[row] !== L7Type.RESPONSE) return
  out[Name.dnsRcode] = rcode[row]!
  out[Name.dnsTtl] = ttlSeconds[row]!
  const answerTypes = table.answerTypes(row)
  if (answerTypes.length > 0) out[Name.dnsRrtypes] = answerTypes.map(dnsTypeName)
  if (addressCount[row] !== 0) out[Name.dnsAnswers] = dnsAddresses(batch, row)
  const names = table.names(row)
  if (names.length > 0) out[Name.dnsCnames] = names
}

function addEnd(out: Attributes, which: 'source' | 'destination', end: Endpoint): void {
  const name = which === 'source' ? SOURCE : DESTINATION
  if (end.identity === 0) return
  out[name.identity] = end.identity
  if (end.labels.length > 0) out[name.labels] = end.labels as string[]
  if (end.namespace !== '') out[name.namespace] = end.namespace
  if (end.podName !== '') out[name.podName] = end.podName
  if (end.clusterName !== '') out[name.clusterName] = end.clusterName
  if (end.service !== undefined) {
    out[name.service] = end.service.name
    out[name.serviceNamespace] = end.service.namespace
  }
  const workload = end.workloads[0]
  if (workload === undefined) return
  out[name.workload] = workload.name
  out[name.workloadKind] = workload.kind
  const kind = WORKLOAD_KINDS.find((known) => known === workload.kind)
  if (kind !== undefined) out[workloadName(which, kind)] = workload.name
}
