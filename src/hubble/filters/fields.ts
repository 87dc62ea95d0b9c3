import { Protocol, Reply, TcpFlag, Verdict } from '../../flow/enums.ts'
import type { ForeignFlows } from '../../flow/foreign.ts'
import { parseUuid } from '../../flow/hubble-uuid.ts'
import { L7Protocol } from '../../flow/l7.ts'
import { addressFilter, translatedFilter } from './addresses.ts'
import { celExpressions } from './cel.ts'
import { hasLabels, hasService, hasWorkload, identities, inCluster, inNamespace, onEnd } from './endpoints.ts'
import { FilterError } from './filter-error.ts'
import type { CompileContext, FieldFilter, FilterContext, FlowFilter } from './flow-filter.ts'
import { httpHeaders, httpMethods, httpPaths, httpStatusCodes, httpUrls } from './http.ts'
import { dnsNames, dnsQueries, nodeLabels, nodeNames } from './names.ts'

/** How each field of a `flow.FlowFilter` is compiled: one entry a field, for values that are at least one. */
type Fields = {
  readonly [Name in keyof FlowFilter]-?: (values: NonNullable<FlowFilter[Name]>, context: CompileContext) => FieldFilter
}

/** The cheapest first: that is the order in which the fields of a filter are tried. */
export const FIELDS: Fields = {
  verdict: (values) => oneOf('verdict', values),
  traffic_direction: (values) => oneOf('direction', values),
  drop_reason_desc: (values) => both(oneOf('verdict', [Verdict.DROPPED]), oneOf('dropReason', values)),
  ip_version: (values) =>
    oneOf(
      'ipVersion',
      values.map((version) => [0, 4, 6][version] ?? -1),
    ),
  destination_port: (values) => ports('destination', values),
  source_port: (values) => ports('source', values),
  event_type: eventTypes,
  reply: replies,
  tcp_flags: tcpFlags,
  protocol: protocols,
  uuid: uuids,
  source_ip: (values) => addressFilter('sourceAddress', values),
  destination_ip: (values) => addressFilter('destinationAddress', values),
  interface: interfaces,
  http_status_code: httpStatusCodes,
  source_identity: (values, context) => identities('source', context, values),
  destination_identity: (values, context) => identities('destination', context, values),
  source_pod: (values, context) => onEnd('source', context, inNamespace(values)),
  destination_pod: (values, context) => onEnd('destination', context, inNamespace(values)),
  source_service: (values, context) => onEnd('source', context, hasService('source', values)),
  destination_service: (values, context) => onEnd('destination', context, hasService('destination', values)),
  source_workload: (values, context) => onEnd('source', context, hasWorkload(values)),
  destination_workload: (values, context) => onEnd('destination', context, hasWorkload(values)),
  source_cluster_name: (values, context) => onEnd('source', context, inCluster(values)),
  destination_cluster_name: (values, context) => onEnd('destination', context, inCluster(values)),
  source_label: (values, context) => onEnd('source', context, hasLabels('source', values, context)),
  destination_label: (values, context) => onEnd('destination', context, hasLabels('destination', values, context)),
  source_fqdn: (values, { regexps }) => dnsNames('sourceNames', values, regexps),
  destination_fqdn: (values, { regexps }) => dnsNames('destinationNames', values, regexps),
  node_name: nodeNames,
  encrypted: encryptions,
  ip_trace_id: ipTraceIds,
  trace_id: (values) => textOf((foreign, row) => foreign.traceId(row), values),
  source_ip_xlated: translatedFilter,
  node_labels: nodeLabels,
  http_method: httpMethods,
  dns_query: (values, { regexps }) => dnsQueries(values, regexps),
  http_url: (values, { regexps }) => httpUrls(values, regexps),
  http_path: (values, { regexps }) => httpPaths(values, regexps),
  http_header: httpHeaders,
  experimental: ({ cel_expression = [] } = {}, context) => celExpressions(cel_expression, context),
}

type ByteColumn = 'verdict' | 'direction' | 'ipVersion' | 'dropReason' | 'protocol'

/** Rows whose column holds one of the values. */
function oneOf(column: ByteColumn, values: readonly number[]): FieldFilter {
  const wanted = new Uint8Array(256)
  for (const value of values) if (value >= 0 && value < 256) wanted[value] = 1
  return ({ columns }) => {
    const numbers = columns[column]
    return (row) => wanted[numbers[row]!] === 1
  }
}

function both(first: FieldFilter, second: FieldFilter): FieldFilter {
  return (batch, serial) => {
    const [one, other] = [first(batch, serial), second(batch, serial)]
    return (row) => one(row) && other(row)
  }
}

/** Decimal ports of protocols that have them. */
function ports(side: 'source' | 'destination', values: readonly string[]): FieldFilter {
  const wanted = new Uint8Array(65_536)
  for (const value of values) wanted[parsePort(side, value)] = 1
  return ({ columns }) => {
    const { protocol } = columns
    const port = side === 'source' ? columns.sourcePort : columns.destinationPort
    return (row) => wanted[port[row]!] === 1 && hasPorts(protocol[row]!)
  }
}

function hasPorts(protocol: number): boolean {
  return protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP
}

function parsePort(side: string, text: string): number {
  const why = !/^\d+$/.test(text) ? 'invalid syntax' : Number(text) > 65_535 ? 'value out of range' : ''
  if (why === '') return Number(text)
  const quoted = JSON.stringify(text)
  throw new FilterError(
    `invalid ${side} port filter: invalid port ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`,
  )
}

const LAYER4: Readonly<Record<string, readonly number[]>> = {
  icmp: [Protocol.ICMP, Protocol.ICMPV6],
  icmpv4: [Protocol.ICMP],
  icmpv6: [Protocol.ICMPV6],
  tcp: [Protocol.TCP],
  udp: [Protocol.UDP],
  sctp: [Protocol.SCTP],
  vrrp: [Protocol.VRRP],
  igmp: [Protocol.IGMP],
  dns: [],
  http: [],
  kafka: [],
}

/** Layer-4 protocols by number; of the layer-7 ones columns hold DNS and HTTP. Kafka is only in flows of others. */
function protocols(values: readonly string[]): FieldFilter {
  const names = values.map((value) => value.toLowerCase())
  const unknown = names.findIndex((name) => !Object.hasOwn(LAYER4, name))
  if (unknown >= 0)
    throw new FilterError(`invalid protocol filter: unknown protocol: ${JSON.stringify(values[unknown])}`)
  const layer4 = oneOf(
    'protocol',
    names.flatMap((name) => LAYER4[name]!),
  )
  const layer7 = [names.includes('dns') ? L7Protocol.DNS : 0, names.includes('http') ? L7Protocol.HTTP : 0]
  const kafka = names.includes('kafka')
  return (batch, serial) => {
    const test = layer4(batch, serial)
    const { l7 } = batch.columns
    const { protocol } = batch.l7.columns
    return (row) => {
      if (test(row) || (l7[row] !== 0 && layer7.includes(protocol[l7[row]! - 1]!))) return true
      return kafka && batch.foreign?.isKafka(row) === true
    }
  }
}

/** A row matches when it has all the flags of one entry. */
function tcpFlags(values: NonNullable<FlowFilter['tcp_flags']>): FieldFilter {
  const masks = values.map((flags) => {
    const names = Object.keys(TcpFlag) as (keyof typeof TcpFlag)[]
    return names.reduce((mask, name) => (flags[name] ? mask | TcpFlag[name] : mask), 0)
  })
  return ({ columns: { protocol, tcpFlags }, foreign }) =>
    (row) => {
      if (protocol[row] !== Protocol.TCP) return false
      // Cilium's flows of layer 7 have TCP, and nothing of its flags.
      if (tcpFlags[row] === 0 && foreign?.hasTcpFlags(row) === false) return false
      for (const mask of masks) if ((tcpFlags[row]! & mask) === mask) return true
      return false
    }
}

/** Flows without an event type match nothing; type 0 is every type. */
function eventTypes(values: NonNullable<FlowFilter['event_type']>): FieldFilter {
  return ({ columns: { eventType, eventSubType } }) =>
    (row) => {
      if (eventType[row] === 0) return false
      for (const { type = 0, match_sub_type, sub_type = 0 } of values) {
        if (type !== 0 && type !== eventType[row]) continue
        if (!match_sub_type || sub_type === eventSubType[row]) return true
      }
      return false
    }
}

function interfaces(values: NonNullable<FlowFilter['interface']>): FieldFilter {
  return ({ columns: { interfaceIndex, interfaceName }, strings }) =>
    (row) => {
      const [index, name] = [interfaceIndex[row]!, strings[interfaceName[row]!]!]
      if (index === 0 && name === '') return false
      return values.some(
        (wanted) => (!wanted.index || wanted.index === index) && (!wanted.name || wanted.name === name),
      )
    }
}

/** Where it is not known whether a flow is a reply, only a dropped one is taken for a request. */
function replies(values: readonly boolean[]): FieldFilter {
  const [yes, no] = [values.includes(true), values.includes(false)]
  return ({ columns: { isReply, verdict } }) =>
    (row) => {
      if (isReply[row] === Reply.UNKNOWN) return no && verdict[row] === Verdict.DROPPED
      return isReply[row] === Reply.YES ? yes : no
    }
}

/** Rows of which `read` gives one of the values; flows of this node do not tell, and have the empty text. */
function textOf(read: (foreign: ForeignFlows, row: number) => string, values: readonly string[]): FieldFilter {
  const wanted = new Set(values)
  return ({ foreign }) => (foreign === undefined ? () => wanted.has('') : (row) => wanted.has(read(foreign, row)))
}

/** Flows of this node have no IP trace: number 0. */
function ipTraceIds(values: readonly bigint[]): FieldFilter {
  const wanted = new Set(values)
  return ({ foreign }) => (foreign === undefined ? () => wanted.has(0n) : (row) => wanted.has(foreign.ipTraceId(row)))
}

/** What does not tell that it was encrypted was not, as all flows of this node. */
function encryptions(values: readonly boolean[]): FieldFilter {
  return ({ foreign }) => {
    if (foreign === undefined) return () => values.includes(false)
    return (row) => values.includes(foreign.encrypted(row) ?? false)
  }
}

function uuids(values: readonly string[], { uuidPrefix }: FilterContext): FieldFilter {
  if (uuidPrefix === undefined)
    throw new FilterError('filter field uuid is not supported here: flows get their UUID later')
  const places = values.flatMap((value) => parseUuid(uuidPrefix, value) ?? [])
  return ({ foreign }, serial) => {
    if (foreign !== undefined) return (row) => values.includes(foreign.uuid(row))
    return (row) => places.some((place) => place.serial === serial && place.row === row)
  }
}
