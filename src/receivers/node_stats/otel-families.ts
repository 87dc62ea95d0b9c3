import { LINK_STATISTICS, type LinkStatistic } from '../../../native/node-statistics.ts'
import { FilledFamilies, type NodeFamilies, type NodeFamilySettings } from './node-families.ts'
import type { ProtocolStatistic } from './proc-net.ts'
import { TCP_STATES } from './tcp-states.ts'

const INTERFACE = 'network.interface.name'
const DIRECTION = 'network.io.direction'
const TRANSPORT = 'network.transport'
const TYPE = 'network.type'

const AT = Object.fromEntries(LINK_STATISTICS.map((name, at) => [name, at])) as Record<LinkStatistic, number>

/** Statistics of an interface that `system.network.*` has no metric for. */
const DETAILS = LINK_STATISTICS.slice(LINK_STATISTICS.indexOf('multicast'))

/** CTA_STATS_ numbers of linux/netfilter/nfnetlink_conntrack.h; those that the kernel no longer counts are left out. */
const CONNTRACK_EVENTS: readonly (readonly [number: number, name: string])[] = [
  [2, 'found'],
  [4, 'invalid'],
  [8, 'insert'],
  [9, 'insert_failed'],
  [10, 'drop'],
  [11, 'early_drop'],
  [12, 'error'],
  [13, 'search_restart'],
  [14, 'clash_resolve'],
  [15, 'chain_toolong'],
]

/** Numbers of /proc/net/snmp and netstat that go up and down. */
const CURRENT = new Set(['Tcp.CurrEstab', 'MPTcpExt.MPCurrEstab'])
/** And settings among them. */
const SETTINGS = /^(Tcp\.(RtoAlgorithm|RtoMin|RtoMax|MaxConn)|Ip\.(Forwarding|DefaultTTL))$/

/**
 * Names of OpenTelemetry's conventions for systems (`system.network.*`, version 1.44), of the Collector's hostmetrics
 * receiver where those have none (`system.network.conntrack.*`), and our own (`fovea.node.*`) for the rest.
 */
export function otelFamilies(settings: NodeFamilySettings): NodeFamilies {
  const families = new FilledFamilies(settings)
  addInterfaces(families)
  addSockets(families)
  addProtocols(families)
  addConntrack(families, settings.perCpu)
  addInfiniband(families)
  return families
}

function addInterfaces(families: FilledFamilies): void {
  const traffic = (name: string, unit: string, help: string, rx: LinkStatistic, tx: LinkStatistic) =>
    families.add(
      'interfaces',
      { name: `system.network.${name}`, unit, help, kind: 'counter', labels: [INTERFACE, DIRECTION] },
      (interfaces, tell) => {
        for (const { name: of, counts } of interfaces) {
          tell(counts[AT[rx]]!, of, 'receive')
          tell(counts[AT[tx]]!, of, 'transmit')
        }
      },
    )
  traffic('io', 'By', 'Bytes received and transmitted', 'rx_bytes', 'tx_bytes')
  traffic('packet.count', '{packet}', 'Packets received and transmitted', 'rx_packets', 'tx_packets')
  traffic('packet.dropped', '{packet}', 'Packets dropped by an interface', 'rx_dropped', 'tx_dropped')
  traffic('errors', '{error}', 'Errors of an interface', 'rx_errors', 'tx_errors')
  families.add(
    'interfaces',
    {
      name: 'fovea.node.interface.statistics',
      help: "Further statistics of an interface, by the kernel's name (struct rtnl_link_stats64)",
      kind: 'counter',
      labels: [INTERFACE, 'statistic'],
    },
    (interfaces, tell) => {
      for (const { name, counts } of interfaces) for (const of of DETAILS) tell(counts[AT[of]]!, name, of)
    },
  )
  families.add(
    'drivers',
    {
      name: 'fovea.node.interface.driver',
      help: "Statistics of an interface by the driver's name (ethtool -S); what each counts is the driver's matter",
      kind: 'gauge',
      labels: [INTERFACE, 'statistic'],
    },
    (drivers, tell) => {
      for (const { interfaceName, statistics } of drivers)
        for (const { name, value } of statistics) tell(value, interfaceName, name)
    },
  )
}

function addSockets(families: FilledFamilies): void {
  families.add(
    'tcp',
    {
      name: 'system.network.connection.count',
      unit: '{connection}',
      help: 'TCP sockets by state',
      kind: 'gauge',
      additive: true,
      labels: [TRANSPORT, TYPE, 'network.connection.state'],
    },
    ({ ipv4, ipv6 }, tell) => {
      for (const { number, otel } of TCP_STATES) {
        tell(ipv4[number]!, 'tcp', 'ipv4', otel)
        tell(ipv6[number]!, 'tcp', 'ipv6', otel)
      }
    },
  )
  families.add(
    'tcp',
    {
      name: 'fovea.node.tcp.peer.connections',
      unit: '{connection}',
      help: 'TCP sockets by address of the other end; of the addresses beyond the limit together: other',
      kind: 'gauge',
      additive: true,
      labels: ['network.peer.address'],
    },
    ({ peers, otherPeers }, tell) => {
      if (peers === undefined) return
      for (const [address, count] of peers) tell(count, address)
      if (otherPeers > 0) tell(otherPeers, 'other')
    },
  )
  families.add(
    'sockets',
    {
      name: 'fovea.node.sockets',
      unit: '{socket}',
      help: 'Sockets in use',
      kind: 'gauge',
      additive: true,
      labels: [TRANSPORT, TYPE],
    },
    (sockets, tell) => {
      // FRAG counts fragments that wait for their packet.
      for (const one of sockets)
        if (one.name === 'inuse' && !one.protocol.startsWith('FRAG')) tell(one.value, ...transportOf(one))
    },
  )
}

/** `UDP6` → `udp`, `ipv6`. */
function transportOf({ protocol }: ProtocolStatistic): [transport: string, type: string] {
  return [protocol.replace(/6$/, '').toLowerCase(), protocol.endsWith('6') ? 'ipv6' : 'ipv4']
}

function addProtocols(families: FilledFamilies): void {
  const labels = ['protocol', 'statistic']
  families.add(
    'protocols',
    {
      name: 'fovea.node.protocol.statistics',
      help: "What a protocol counted, by the kernel's names (/proc/net/snmp, snmp6, netstat)",
      kind: 'counter',
      labels,
    },
    (statistics, tell) => {
      for (const { protocol, name, value } of statistics) {
        const full = `${protocol}.${name}`
        if (!CURRENT.has(full) && !SETTINGS.test(full)) tell(value, protocol, name)
      }
    },
  )
  families.add(
    'protocols',
    {
      name: 'fovea.node.protocol.current',
      help: 'Numbers of a protocol that go up and down',
      kind: 'gauge',
      labels,
    },
    (statistics, tell) => {
      for (const { protocol, name, value } of statistics)
        if (CURRENT.has(`${protocol}.${name}`)) tell(value, protocol, name)
    },
  )
}

function addConntrack(families: FilledFamilies, perCpu: boolean): void {
  const unit = '{entries}'
  families.add(
    'conntrack',
    {
      name: 'system.network.conntrack.count',
      unit,
      help: 'Connections in the connection tracking table',
      kind: 'gauge',
      additive: true,
    },
    ({ entries }, tell) => tell(entries),
  )
  families.add(
    'conntrack',
    {
      name: 'system.network.conntrack.max',
      unit,
      help: 'Most connections of that table; 0 = no limit',
      kind: 'gauge',
      additive: true,
    },
    ({ max }, tell) => {
      if (max !== undefined) tell(max)
    },
  )
  families.add(
    'conntrack',
    {
      name: 'fovea.node.conntrack.events',
      unit: '{event}',
      help: 'What connection tracking counted: insert_failed, drop and early_drop are packets or connections lost',
      kind: 'counter',
      labels: perCpu ? ['event', 'cpu'] : ['event'],
    },
    ({ cpus }, tell) => {
      for (const [number, event] of CONNTRACK_EVENTS) {
        if (perCpu) for (const { cpu, counts } of cpus) tell(counts[number]!, event, String(cpu))
        else if (cpus.length > 0)
          tell(
            cpus.reduce((sum, { counts }) => sum + counts[number]!, 0),
            event,
          )
      }
    },
  )
}

function addInfiniband(families: FilledFamilies): void {
  families.add(
    'infiniband',
    {
      name: 'fovea.node.infiniband.counters',
      help: "Counters of an InfiniBand port by the driver's names",
      kind: 'gauge',
      labels: ['device', 'port', 'statistic'],
    },
    ({ counters }, tell) => {
      for (const { device, port, name, value } of counters) tell(value, device, port, name)
    },
  )
  families.add(
    'infiniband',
    {
      name: 'fovea.node.infiniband.status',
      help: 'Debug values of an IP over InfiniBand interface',
      kind: 'gauge',
      labels: [INTERFACE, 'statistic'],
    },
    ({ status }, tell) => {
      for (const { interfaceName, name, value } of status) tell(value, interfaceName, name)
    },
  )
}
