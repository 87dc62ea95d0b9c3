import { LINK_STATISTICS } from '../../../native/node-statistics.ts'
import type { FamilyOptions } from '../../metrics/family.ts'
import { FilledFamilies, type NodeFamilies, type NodeFamilySettings } from './node-families.ts'
import { LISTEN, TCP_STATES } from './tcp-states.ts'

const PREFIX = 'networkobservability_'

const RX_PACKETS = LINK_STATISTICS.indexOf('rx_packets')
const RX_BYTES = LINK_STATISTICS.indexOf('rx_bytes')
const [TX_PACKETS, TX_BYTES] = [RX_PACKETS + 1, RX_BYTES + 1]

/** Retina sums what its driver statistics say of errors and drops over all interfaces. */
const ALL_INTERFACES = 'all_interfaces'
const TROUBLE = /err|drop/

/** Retina's label value for connections of every address. */
const ALL_ADDRESSES = 'AllIPs'

/** Retina's node-level metrics that this receiver has numbers for, with Retina's names, labels and type: all are gauges. */
export function retinaFamilies(settings: NodeFamilySettings): NodeFamilies {
  const families = new FilledFamilies(settings)
  addForwarded(families)
  addConnections(families)
  addInterfaces(families)
  addInfiniband(families)
  return families
}

function gauge(name: string, help: string, ...labels: string[]): FamilyOptions {
  return { name: `${PREFIX}${name}`, help, kind: 'gauge', labels }
}

/** The machine's own devices only: Retina counts a packet at every interface that it passes. */
function addForwarded(families: FilledFamilies): void {
  const sum = (name: string, help: string, rx: number, tx: number) =>
    families.add('interfaces', gauge(name, help, 'direction'), (interfaces, tell) => {
      const devices = interfaces.filter(({ role }) => role === 'network')
      const total = (at: number) => devices.reduce((all, { counts }) => all + counts[at]!, 0)
      tell(total(rx), 'ingress')
      tell(total(tx), 'egress')
    })
  sum('forward_count', "Packets of this machine's network devices", RX_PACKETS, TX_PACKETS)
  sum('forward_bytes', "Bytes of this machine's network devices", RX_BYTES, TX_BYTES)
}

function addConnections(families: FilledFamilies): void {
  families.add('tcp', gauge('tcp_state', 'TCP sockets by state', 'state'), ({ ipv4, ipv6 }, tell) => {
    for (const { number, retina } of TCP_STATES) tell(ipv4[number]! + ipv6[number]!, retina)
  })
  families.add(
    'tcp',
    gauge('tcp_connection_remote', 'TCP sockets by address of the other end', 'address'),
    ({ ipv4, ipv6, peers, otherPeers }, tell) => {
      const connected = TCP_STATES.filter(({ number }) => number !== LISTEN)
      if (peers === undefined)
        tell(
          connected.reduce((sum, { number }) => sum + ipv4[number]! + ipv6[number]!, 0),
          ALL_ADDRESSES,
        )
      else for (const [address, count] of peers) tell(count, address)
      if (otherPeers > 0) tell(otherPeers, 'other')
    },
  )
  const statistics = (name: string, help: string, ...protocols: string[]) =>
    families.add('protocols', gauge(name, help, 'statistic_name'), (all, tell) => {
      for (const { protocol, name: of, value } of all) if (protocols.includes(protocol)) tell(value, of)
    })
  statistics('tcp_connection_stats', 'What TCP and MPTCP counted', 'TcpExt', 'MPTcpExt')
  statistics('ip_connection_stats', 'What IP counted', 'IpExt')
  families.add('sockets', gauge('udp_connection_stats', 'UDP sockets in use', 'statistic_name'), (sockets, tell) => {
    const udp = sockets.filter(({ protocol, name }) => /^UDP6?$/.test(protocol) && name === 'inuse')
    tell(
      udp.reduce((sum, { value }) => sum + value, 0),
      'ACTIVE',
    )
  })
}

function addInterfaces(families: FilledFamilies): void {
  families.add(
    'drivers',
    gauge('interface_stats', 'Errors and drops that the drivers count', 'interface_name', 'statistic_name'),
    (drivers, tell) => {
      const sums = new Map<string, number>()
      for (const { statistics } of drivers)
        for (const { name, value } of statistics) if (TROUBLE.test(name)) sums.set(name, (sums.get(name) ?? 0) + value)
      for (const [name, sum] of sums) tell(sum, ALL_INTERFACES, name)
    },
  )
}

function addInfiniband(families: FilledFamilies): void {
  families.add(
    'infiniband',
    gauge('infiniband_counter_stats', 'Counters of an InfiniBand port', 'statistic_name', 'device', 'port'),
    ({ counters }, tell) => {
      for (const { device, port, name, value } of counters) tell(value, name, device, port)
    },
  )
  families.add(
    'infiniband',
    gauge(
      'infiniband_status_params',
      'Debug values of an IP over InfiniBand interface',
      'statistic_name',
      'interface_name',
    ),
    ({ status }, tell) => {
      for (const { interfaceName, name, value } of status) tell(value, name, interfaceName)
    },
  )
}
