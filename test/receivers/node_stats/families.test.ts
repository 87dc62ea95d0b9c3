import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type InterfaceCounts, LINK_STATISTICS } from '../../../native/node-statistics.ts'
import type { Family } from '../../../src/metrics/family.ts'
import { SeriesProducer } from '../../../src/metrics/producer.ts'
import { writeText } from '../../../src/metrics/text.ts'
import { namePatterns } from '../../../src/receivers/node_stats/name-patterns.ts'
import { otelFamilies } from '../../../src/receivers/node_stats/otel-families.ts'
import type { NodeReading } from '../../../src/receivers/node_stats/reading.ts'
import { retinaFamilies } from '../../../src/receivers/node_stats/retina-families.ts'

const SETTINGS = { limit: 100, perCpu: false, clock: () => 0 }

/** An interface whose statistics are 1, 2, 3, … times `factor`. */
const link = (name: string, role: InterfaceCounts['role'], factor = 1): InterfaceCounts => ({
  name,
  kind: '',
  role,
  counts: Float64Array.from(LINK_STATISTICS, (_, i) => (i + 1) * factor),
})

const cpu = (number: number, insertFailed: number) => {
  const counts = new Float64Array(16)
  counts[9] = insertFailed
  return { cpu: number, counts }
}

const READING: NodeReading = {
  interfaces: [link('eth0', 'network'), link('eth1', 'network', 10), link('br0', 'ignored', 100)],
  drivers: [
    { interfaceName: 'eth0', statistics: [{ name: 'rx_drops', value: 4 }] },
    { interfaceName: 'eth1', statistics: [{ name: 'rx_drops', value: 5 }] },
  ],
  tcp: {
    ipv4: Float64Array.from({ length: 13 }, (_, i) => (i === 1 ? 3 : i === 10 ? 2 : 0)),
    ipv6: Float64Array.from({ length: 13 }, (_, i) => (i === 1 ? 4 : 0)),
    otherPeers: 0,
  },
  protocols: [
    { protocol: 'TcpExt', name: 'ListenDrops', value: 9 },
    { protocol: 'MPTcpExt', name: 'AddAddrDrop', value: 1 },
    { protocol: 'IpExt', name: 'InOctets', value: 8 },
    { protocol: 'Tcp', name: 'CurrEstab', value: 7 },
    { protocol: 'Ip', name: 'DefaultTTL', value: 64 },
  ],
  sockets: [
    { protocol: 'UDP', name: 'inuse', value: 3 },
    { protocol: 'UDP6', name: 'inuse', value: 4 },
    { protocol: 'UDPLITE', name: 'inuse', value: 1 },
    { protocol: 'FRAG', name: 'inuse', value: 1 },
  ],
  conntrack: { entries: 5, max: 6, cpus: [cpu(0, 2), cpu(3, 5)] },
}

function told(families: readonly Family[], name: string): Record<string, number> {
  const family = families.find((one) => one.name === name)
  if (family === undefined) throw new Error(`no metric ${name}`)
  return Object.fromEntries([...family.ids()].map((id) => [family.labelValues(id)?.join(' ') ?? '', family.value(id)]))
}

const names = suite('names of node_stats')

names('OpenTelemetry: settings are no statistics, what goes up and down is no counter', () => {
  const made = otelFamilies(SETTINGS)
  made.update(READING)
  assert.equal(told(made.families, 'fovea.node.protocol.statistics'), {
    'TcpExt ListenDrops': 9,
    'MPTcpExt AddAddrDrop': 1,
    'IpExt InOctets': 8,
  })
  assert.equal(told(made.families, 'fovea.node.protocol.current'), { 'Tcp CurrEstab': 7 })
  assert.equal(told(made.families, 'fovea.node.sockets'), { 'udp ipv4': 3, 'udp ipv6': 4, 'udplite ipv4': 1 })
  assert.is(told(made.families, 'fovea.node.conntrack.events').insert_failed, 7)
})

names('connection tracking by CPU, where it is wanted', () => {
  const made = otelFamilies({ ...SETTINGS, perCpu: true })
  made.update(READING)
  const events = told(made.families, 'fovea.node.conntrack.events')
  assert.is(events['insert_failed 0'], 2)
  assert.is(events['insert_failed 3'], 5)
})

names('in Prometheus they have units and _total, in OTLP connections are an up-down counter', async () => {
  const made = otelFamilies(SETTINGS)
  made.update(READING)
  const text = [...writeText(made.families)].join('')
  for (const line of [
    'system_network_io_bytes_total{network_interface_name="eth0",network_io_direction="receive"} 3',
    'system_network_packet_count_total{network_interface_name="eth1",network_io_direction="transmit"} 20',
    'system_network_connection_count{network_transport="tcp",network_type="ipv6",network_connection_state="established"} 4',
    'system_network_conntrack_count 5',
  ])
    assert.ok(text.includes(`\n${line}\n`), `${line}\n${text}`)
  const { resourceMetrics } = await new SeriesProducer(() => made.families, 'delta').collect()
  const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
  const connections = metrics.find(({ descriptor }) => descriptor.name === 'system.network.connection.count')
  assert.equal(
    [connections?.dataPointType, connections?.aggregationTemporality, connections && 'isMonotonic' in connections],
    [3, 1, true],
  )
  assert.is((connections as { isMonotonic: boolean }).isMonotonic, false)
})

names('Retina: forwarded is what the own devices counted, sockets of both families, sums over interfaces', () => {
  const made = retinaFamilies(SETTINGS)
  made.update(READING)
  const of = (name: string) => told(made.families, `networkobservability_${name}`)
  assert.equal(of('forward_count'), { ingress: 11, egress: 22 })
  assert.equal(of('forward_bytes'), { ingress: 33, egress: 44 })
  assert.is(of('tcp_state').ESTABLISHED, 7)
  assert.is(of('tcp_state').LISTEN, 2)
  assert.equal(of('tcp_connection_remote'), { AllIPs: 7 })
  assert.equal(of('tcp_connection_stats'), { ListenDrops: 9, AddAddrDrop: 1 })
  assert.equal(of('ip_connection_stats'), { InOctets: 8 })
  assert.equal(of('udp_connection_stats'), { ACTIVE: 7 })
  assert.equal(of('interface_stats'), { 'all_interfaces rx_drops': 9 })
  const text = [...writeText(made.families)].join('')
  assert.ok(text.includes('\nnetworkobservability_forward_count{direction="ingress"} 11\n'), text)
})

names('a part that could not be read: gauges go, counters stay as they were', () => {
  const made = otelFamilies(SETTINGS)
  made.update(READING)
  made.update({})
  assert.equal(told(made.families, 'system.network.connection.count'), {})
  assert.is(told(made.families, 'system.network.io')['eth0 receive'], 3)
})

names('patterns are those of a shell', () => {
  const matches = namePatterns(['TcpExt.*Drop*', 'a?c'])
  assert.equal(
    ['TcpExt.ListenDrops', 'TcpExtXDrop', 'abc', 'abbc', 'xabc'].filter((name) => matches(name)),
    ['TcpExt.ListenDrops', 'abc'],
  )
  assert.ok(namePatterns([])('anything'))
})

names.run()
