import type { ChildProcess } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Kind, ObservationPoint, Protocol, Report } from '../../src/flow/enums.ts'
import { type AgentFlow, EbpfAgent, sumOf } from '../support/ebpf-agent.ts'
import { eventually } from '../support/eventually.ts'
import { type InterfaceCounters, NodeNetwork, type Pod } from '../support/node-network.ts'
import { ping, sendTcp, sendUdp, serve } from '../support/traffic.ts'

const exactness = suite('exactness of counts')
let network: NodeNetwork
let pods: Pod[]
let server: ChildProcess
let agent: EbpfAgent | undefined

/** Headers of a TCP segment with the timestamp option over IPv4. */
const TCP_HEADER_BYTES = 14 + 20 + 20 + 12

exactness.before.each(() => {
  network = new NodeNetwork('exact')
  pods = [network.addPod(), network.addPod()]
})
exactness.after.each(async () => {
  server?.kill('SIGKILL')
  await agent?.kill()
  agent = undefined
  network.remove()
})

/** Attaches before the first packet can pass. */
async function observe(settings: object, offloads: 'on' | 'off' = 'off'): Promise<EbpfAgent> {
  const started = await EbpfAgent.start(network.node, settings)
  agent = started
  await started.observes('endpoint', pods.length)
  for (const pod of pods) {
    network.offloads(pod, offloads)
    network.up(pod)
  }
  server = await serve(pods[1]!.namespace)
  return started
}

/** Sum over the flows of a pod's interface, both directions. DNS packets carry their own delta. */
function told(flows: readonly AgentFlow[], pod: Pod): InterfaceCounters {
  const counts = (flow: AgentFlow) => flow.kind === Kind.PACKETS || flow.kind === Kind.DNS
  return sumOf(flows.filter((flow) => flow.interfaceName === pod.hostInterface && counts(flow)))
}

function has(running: EbpfAgent, report: number): true | undefined {
  return running.flows.some((flow) => flow.report === report) || undefined
}

/** Closes the pods' interfaces, stops the agent and compares every pod's flows with its interface's own counters. */
async function compare(running: EbpfAgent): Promise<Record<string, number>> {
  for (const pod of pods) network.down(pod)
  const passed = pods.map((pod) => network.counters(pod))
  const metrics = await running.stop()
  assert.is(metrics.fovea_ebpf_not_ip_packets, 0, 'neighbours are fixed, so there is nothing but IP')
  assert.is(metrics.fovea_ebpf_ring_full_records, 0)
  assert.equal(
    pods.map((pod) => told(running.flows, pod)),
    passed,
  )
  return metrics
}

function everyProtocol() {
  const [client, target] = pods as [Pod, Pod]
  for (const address of [target.address, target.address6]) {
    sendUdp(network, client, address, 3, 50)
    sendTcp(network, client, address, 3, 300_000)
    ping(network, client, address, 5)
  }
}

exactness(
  'the deltas of TCP, UDP and ICMP over IPv4 and IPv6 add up to what passed, across interval reports',
  async () => {
    const running = await observe({ report_interval: 100 })
    everyProtocol()
    await eventually('reports of the interval', () => has(running, Report.INTERVAL))
    everyProtocol()
    await compare(running)
    const seen = new Set(running.flows.map((flow) => `${flow.ipVersion} ${flow.protocol}`))
    for (const expected of [`4 ${Protocol.TCP}`, `6 ${Protocol.TCP}`, `4 ${Protocol.UDP}`, `6 ${Protocol.UDP}`])
      assert.ok(seen.has(expected), expected)
    assert.ok(seen.has(`4 ${Protocol.ICMP}`) && seen.has(`6 ${Protocol.ICMPV6}`))
  },
)

exactness('the same by clsact filters', async () => {
  const running = await observe({ report_interval: 100, attach: 'clsact' })
  everyProtocol()
  await compare(running)
})

exactness('what was not reported yet is reported at shutdown', async () => {
  const running = await observe({ report_interval: 3_600_000 })
  everyProtocol()
  await compare(running)
  assert.ok(has(running, Report.EXPIRED))
  assert.not(has(running, Report.INTERVAL))
})

exactness('nothing is missing when the connection table is full', async () => {
  const running = await observe({ max_connections: 16, report_interval: 100 })
  sendUdp(network, pods[0]!, pods[1]!.address, 300, 3)
  everyProtocol()
  const metrics = await compare(running)
  assert.ok(metrics.fovea_ebpf_table_full_packets! > 0)
  assert.ok(running.flows.some((flow) => flow.report === Report.TABLE_FULL))
})

exactness('without aggregation there is one flow for each packet', async () => {
  const running = await observe({ aggregation: 'none' })
  everyProtocol()
  await compare(running)
  assert.ok(running.flows.every((flow) => flow.kind !== Kind.PACKETS || flow.packets === 1))
})

exactness('counts the segments of the wire, with their headers, where the kernel sends large ones', async () => {
  const running = await observe({ report_interval: 100 }, 'on')
  const [client, target] = pods as [Pod, Pod]
  // So that the headers of all segments are equally long: selective acknowledgements come and go with the load of the machine.
  for (const { namespace } of pods) network.run(namespace, 'sysctl', '-qw', 'net.ipv4.tcp_sack=0')
  const connections = 4
  const before = network.tcpSegments(client)
  sendTcp(network, client, target.address, connections, 3_000_000)
  const segments = network.tcpSegments(client) - before
  for (const pod of pods) network.down(pod)
  const passed = network.counters(client, 'tx')
  await running.stop()
  const sent = running.flows.filter(
    ({ kind, point, interfaceName }) =>
      kind === Kind.PACKETS && point === ObservationPoint.TO_STACK && interfaceName === client.hostInterface,
  )
  const others = sumOf(sent.filter((flow) => flow.protocol !== Protocol.TCP)).packets
  const large = passed.packets - others
  assert.ok(segments > 2 * large, 'the interface itself counted large packets')
  assert.is(sumOf(sent).packets, segments + others)
  assert.is(sumOf(sent).bytes, passed.bytes + (segments - large) * TCP_HEADER_BYTES)
})

exactness.run()
