import { Protocol, Reply, TcpFlag, Verdict } from '../../flow/enums.ts'
import { parseUuid } from '../../flow/hubble-uuid.ts'
import { L7Protocol } from '../../flow/l7.ts'
import { addressFilter } from './addresses.ts'
import { hasLabels, hasService, hasWorkload, inNamespace, onEnd } from './endpoints.ts'
import { type FieldFilter, type FilterContext, FilterError, type FlowFilter } from './flow-filter.ts'
import { dnsNames, dnsQueries, nodeLabels, nodeNames } from './names.ts'

/** How each field of a `flow.FlowFilter` is compiled: one entry a field, for values that are at least one. */
type Fields = {
  readonly [Name in keyof FlowFilter]-?: (values: NonNullable<FlowFilter[Name]>, context: FilterContext) => FieldFilter
}

export const FIELDS: Fields = {
  uuid: uuids,
  source_ip: (values) => addressFilter('sourceAddress', values),
  destination_ip: (values) => addressFilter('destinationAddress', values),
  source_pod: (values, context) => onEnd('source', context, inNamespace(values)),
  destination_pod: (values, context) => onEnd('destination', context, inNamespace(values)),
  source_service: (values, context) => onEnd('source', context, hasService('source', values)),
  destination_service: (values, context) => onEnd('destination', context, hasService('destination', values)),
  source_label: (values, context) => onEnd('source', context, hasLabels('source', values)),
  destination_label: (values, context) => onEnd('destination', context, hasLabels('destination', values)),
  source_workload: (values, context) => onEnd('source', context, hasWorkload(values)),
  destination_workload: (values, context) => onEnd('destination', context, hasWorkload(values)),
  source_cluster_name: (values, context) => onEnd('source', context, inCluster(values)),
  destination_cluster_name: (values, context) => onEnd('destination', context, inCluster(values)),
  source_identity: (values, context) => onEnd('source', context, ({ identity }) => values.includes(identity)),
  destination_identity: (values, context) => onEnd('destination', context, ({ identity }) => values.includes(identity)),
  source_fqdn: (values) => dnsNames('sourceNames', values),
  destination_fqdn: (values) => dnsNames('destinationNames', values),
  dns_query: dnsQueries,
  node_name: nodeNames,
  node_labels: nodeLabels,
  source_port: (values) => ports('source', values),
  destination_port: (values) => ports('destination', values),
  protocol: protocols,
  tcp_flags: tcpFlags,
  ip_version: (values) =>
    oneOf(
      'ipVersion',
      values.map((version) => [0, 4, 6][version] ?? -1),
    ),
  traffic_direction: (values) => oneOf('direction', values),
  verdict: (values) => oneOf('verdict', values),
  drop_reason_desc: (values) => both(oneOf('verdict', [Verdict.DROPPED]), oneOf('dropReason', values)),
  event_type: eventTypes,
  interface: interfaces,
  reply: replies,
  // No flow of ours tells that it was encrypted.
  encrypted: (values) => () => () => values.includes(false),
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

/** Layer-4 protocols by number; of the layer-7 ones columns hold DNS and HTTP. */
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
  return (batch, serial) => {
    const test = layer4(batch, serial)
    const { l7 } = batch.columns
    const { protocol } = batch.l7.columns
    return (row) => test(row) || (l7[row] !== 0 && layer7.includes(protocol[l7[row]! - 1]!))
  }
}

/** A row matches when it has all the flags of one entry. */
function tcpFlags(values: NonNullable<FlowFilter['tcp_flags']>): FieldFilter {
  const masks = values.map((flags) => {
    const names = Object.keys(TcpFlag) as (keyof typeof TcpFlag)[]
    return names.reduce((mask, name) => (flags[name] ? mask | TcpFlag[name] : mask), 0)
  })
  return ({ columns: { protocol, tcpFlags } }) =>
    (row) => {
      if (protocol[row] !== Protocol.TCP) return false
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

function inCluster(values: readonly string[]) {
  if (values.includes('')) throw new FilterError('invalid filter, name must not be empty')
  return ({ clusterName }: { clusterName: string }) => values.includes(clusterName)
}

function uuids(values: readonly string[], { uuidPrefix }: FilterContext): FieldFilter {
  if (uuidPrefix === undefined)
    throw new FilterError('filter field uuid is not supported here: flows get their UUID later')
  const places = values.flatMap((value) => parseUuid(uuidPrefix, value) ?? [])
  return (_, serial) => (row) => places.some((place) => place.serial === serial && place.row === row)
}
