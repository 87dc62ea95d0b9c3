import { addressText } from './address.ts'
import type { FlowBatch } from './batch.ts'
import { dnsTypeName } from './dns-names.ts'
import { dropReasonEnumName } from './drop-reason-names.ts'
import type { Endpoint } from './endpoint.ts'
import type { Ends } from './ends.ts'
import { Direction, FlowType, L7Type, ObservationPoint, Protocol, Reply, TcpFlag, Verdict } from './enums.ts'
import { type ExtensionSink, visitEnds, visitExtensions } from './hubble-extensions.ts'
import { DNS_SOURCE } from './hubble-layer7.ts'
import { L7Protocol, type L7Table } from './l7.ts'
import { dnsAddresses, summary } from './summary.ts'

/** `flow.Flow` as protobuf's JSON mapping has it with the names of the proto files: what `hubble observe -o json` prints of a flow. */
export type FlowJson = Readonly<Record<string, unknown>>

const LAYER4: Readonly<Record<number, string>> = {
  [Protocol.TCP]: 'TCP',
  [Protocol.UDP]: 'UDP',
  [Protocol.ICMP]: 'ICMPv4',
  [Protocol.ICMPV6]: 'ICMPv6',
  [Protocol.SCTP]: 'SCTP',
  [Protocol.VRRP]: 'VRRP',
  [Protocol.IGMP]: 'IGMP',
}

/** A row as JSON object, members in the order of the proto file; UUID and emitter, which the exporter adds, are missing. */
export function flowJson(batch: FlowBatch, row: number, nodeName: string, ends: Ends): FlowJson {
  const { columns, strings } = batch
  const dropped = columns.verdict[row] === Verdict.DROPPED
  const [source, destination] = [ends.table.get(ends.source(batch, row)), ends.table.get(ends.destination(batch, row))]
  return present({
    time: timeText(columns.timeSeconds[row]!, columns.timeNanos[row]!),
    verdict: enumName(Verdict, columns.verdict[row]!),
    drop_reason: dropped ? columns.dropReason[row]! : 0,
    IP: ipJson(batch, row),
    l4: layer4Json(batch, row),
    source: endpointJson(source),
    destination: endpointJson(destination),
    Type: enumName(FlowType, columns.type[row]!),
    node_name: nodeName,
    source_names: names(strings[columns.sourceNames[row]!]!),
    destination_names: names(strings[columns.destinationNames[row]!]!),
    l7: columns.l7[row] === 0 ? undefined : layer7Json(batch, columns.l7[row]! - 1),
    reply: columns.isReply[row] === Reply.YES,
    event_type:
      columns.eventType[row] === 0 ? undefined : eventTypeJson(columns.eventType[row]!, columns.eventSubType[row]!),
    source_service: source.service,
    destination_service: destination.service,
    traffic_direction: enumName(Direction, columns.direction[row]!),
    trace_observation_point: enumName(ObservationPoint, columns.observationPoint[row]!),
    drop_reason_desc:
      dropped && columns.dropReason[row] !== 0 ? dropReasonEnumName(columns.dropReason[row]!) : undefined,
    // A wrapper: false is said as well.
    is_reply: wrapped(columns.isReply[row]!),
    interface: empty({ index: columns.interfaceIndex[row]!, name: strings[columns.interfaceName[row]!]! }),
    node_labels: ends.table.cluster.nodeLabels,
    Summary: summary(batch, row),
    extensions: extensionsJson(batch, row, source, destination),
  })
}

const WRAPPED = Symbol('present whatever its value')

function wrapped(reply: number): { [WRAPPED]: boolean } | undefined {
  return reply === Reply.UNKNOWN ? undefined : { [WRAPPED]: reply === Reply.YES }
}

/** Without what has its default: that is how protobuf's JSON mapping leaves fields out. */
function present(members: Readonly<Record<string, unknown>>): FlowJson {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(members)) {
    if (isWrapped(value)) kept[name] = value[WRAPPED]
    else if (!isDefault(value)) kept[name] = value
  }
  return kept
}

function isWrapped(value: unknown): value is { [WRAPPED]: boolean } {
  return typeof value === 'object' && value !== null && WRAPPED in value
}

function isDefault(value: unknown): boolean {
  return (
    value === undefined ||
    value === 0 ||
    value === '' ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  )
}

/** A message that is absent when nothing is in it. */
function empty(members: Readonly<Record<string, unknown>>): FlowJson | undefined {
  const kept = present(members)
  return Object.keys(kept).length === 0 ? undefined : kept
}

/** RFC 3339 with as many digits as protobuf's JSON mapping writes: none, 3, 6 or 9. */
function timeText(seconds: number, nanos: number): string {
  const digits = String(nanos)
    .padStart(9, '0')
    .replace(/(000){1,3}$/, '')
  const whole = new Date(seconds * 1_000).toISOString().slice(0, 19)
  return `${whole}${digits === '' ? '' : `.${digits}`}Z`
}

function enumName(numbers: Readonly<Record<string, number>>, value: number): string | number {
  if (value === 0) return ''
  return Object.keys(numbers).find((name) => numbers[name] === value) ?? value
}

function ipJson({ columns }: FlowBatch, row: number): FlowJson | undefined {
  const version = columns.ipVersion[row]!
  if (version === 0) return undefined
  return {
    source: addressText(columns.sourceAddress, row),
    destination: addressText(columns.destinationAddress, row),
    ipVersion: `IPv${version}`,
  }
}

function layer4Json({ columns }: FlowBatch, row: number): FlowJson | undefined {
  const member = LAYER4[columns.protocol[row]!]
  if (member === undefined) return undefined
  const ports = { source_port: columns.sourcePort[row]!, destination_port: columns.destinationPort[row]! }
  if (member === 'TCP') return { TCP: { ...present(ports), flags: flagsJson(columns.tcpFlags[row]!) } }
  if (member === 'UDP' || member === 'SCTP') return { [member]: present(ports) }
  if (member === 'VRRP' || member === 'IGMP') return { [member]: {} }
  return { [member]: present({ type: columns.icmpType[row]!, code: columns.icmpCode[row]! }) }
}

function flagsJson(bits: number): FlowJson {
  return present(Object.fromEntries(Object.entries(TcpFlag).map(([name, bit]) => [name, (bits & bit) !== 0])))
}

function endpointJson(end: Endpoint): FlowJson {
  return present({
    ID: end.localId,
    identity: end.identity,
    cluster_name: end.clusterName,
    namespace: end.namespace,
    labels: end.labels,
    pod_name: end.podName,
    workloads: end.workloads,
  })
}

function names(joined: string): string[] {
  return joined === '' ? [] : joined.split(',')
}

function layer7Json(batch: FlowBatch, row: number): FlowJson {
  const { type, latencyNs, protocol } = batch.l7.columns
  return present({
    type: enumName(L7Type, type[row]!),
    latency_ns: latencyNs[row] === 0 ? '' : String(Math.round(latencyNs[row]!)),
    ...(protocol[row] === L7Protocol.HTTP ? { http: httpJson(batch.l7, row) } : { dns: dnsJson(batch, row) }),
  })
}

function dnsJson(batch: FlowBatch, row: number): FlowJson {
  const table = batch.l7
  const { rcode, ttlSeconds } = table.columns
  return present({
    query: table.query(row),
    ips: dnsAddresses(batch, row),
    ttl: ttlSeconds[row]!,
    cnames: table.names(row),
    observation_source: DNS_SOURCE,
    rcode: rcode[row]!,
    qtypes: table.types(row).map(dnsTypeName),
    rrtypes: table.answerTypes(row).map(dnsTypeName),
  })
}

function httpJson(table: L7Table, row: number): FlowJson {
  return present({
    code: table.httpCode(row),
    method: table.httpMethod(row),
    url: table.httpUrl(row),
    protocol: table.httpProtocol(row),
    headers: table.httpHeaders(row).map(([key, value]) => present({ key, value })),
  })
}

function eventTypeJson(type: number, subType: number): FlowJson {
  return present({ type, sub_type: subType })
}

/** Keys sorted, as maps are. */
function extensionsJson(batch: FlowBatch, row: number, source: Endpoint, destination: Endpoint): FlowJson | undefined {
  const found: [string, unknown][] = []
  const sink: ExtensionSink = {
    number: (key, value) => void found.push([key, value]),
    text: (key, value) => void found.push([key, value]),
  }
  visitExtensions(batch, row, sink)
  visitEnds(source, destination, sink)
  if (found.length === 0) return undefined
  const value = Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)))
  return { '@type': 'type.googleapis.com/google.protobuf.Struct', value }
}
