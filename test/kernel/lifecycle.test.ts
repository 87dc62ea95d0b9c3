import type { ChildProcess } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Kind, LostSource } from '../../src/flow/enums.ts'
import { EVENT_BYTES } from '../../src/receivers/ebpf/layout.ts'
import { EbpfAgent } from '../support/ebpf-agent.ts'
import { eventually } from '../support/eventually.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { sendUdp } from '../support/traffic.ts'

const lifecycle = suite('life of the ebpf receiver')
let network: NodeNetwork
let pod: Pod
let agent: EbpfAgent | undefined
let server: ChildProcess | undefined

lifecycle.before.each(() => {
  network = new NodeNetwork('life')
  pod = network.addPod()
})
lifecycle.after.each(async () => {
  server?.kill('SIGKILL')
  await agent?.kill()
  agent = undefined
  network.remove()
})

async function observe(settings: object): Promise<EbpfAgent> {
  const started = await EbpfAgent.start(network.node, settings)
  agent = started
  await started.observes('endpoint', 1)
  network.up(pod)
  return started
}

/** A record for every packet, in the smallest ring and slabs: 20,000 packets are several times what they hold. */
const SMALL = {
  programs: { drops: false, tcp: false },
  aggregation: 'none',
  ring_size_mib: 1,
  slabs: { count: 2, size_kib: 64 },
}
const PACKETS = 20_000

function packetsOf(running: EbpfAgent): number {
  return running.flows.filter((flow) => flow.kind === Kind.PACKETS).reduce((sum, flow) => sum + flow.packets, 0)
}

function lostOf(running: EbpfAgent, source: number): number {
  return running.lost.filter((lost) => lost.source === source).reduce((sum, lost) => sum + lost.count, 0)
}

lifecycle(
  'a pipeline that stands still makes the slabs run out and the ring overflow: every record is delivered or counted',
  async () => {
    const running = await observe(SMALL)
    await running.hold()
    sendUdp(network, pod, pod.gateway, 1, PACKETS)
    const stuck = await running.metrics()
    assert.is(stuck.fovea_ebpf_slabs_in_use, 2)
    assert.ok(stuck.fovea_ebpf_ring_waits! >= 1)
    assert.ok(stuck.fovea_ebpf_ring_full_records! > 0)
    await running.release()
    const metrics = await running.stop()
    assert.is(metrics['fovea_ebpf_lost_records worker'], 0)
    assert.is(packetsOf(running) + metrics.fovea_ebpf_ring_full_records!, metrics.fovea_ebpf_seen_packets)
    assert.is(lostOf(running, LostSource.PERF_EVENT_RING_BUFFER), metrics.fovea_ebpf_ring_full_records)
  },
)

lifecycle('what a shutdown leaves in the ring is counted', async () => {
  const running = await observe({ ...SMALL, ring_size_mib: 4 })
  await running.hold()
  sendUdp(network, pod, pod.gateway, 1, PACKETS)
  const metrics = await running.stop('stop soon')
  const left = metrics['fovea_ebpf_lost_records shutdown']!
  assert.ok(left > 0)
  assert.is(metrics.fovea_ebpf_records! + left + metrics.fovea_ebpf_ring_full_records!, metrics.fovea_ebpf_seen_packets)
})

lifecycle('what a shutdown leaves in the connection table is counted', async () => {
  const running = await observe({ ...SMALL, aggregation: 'connection', report_interval: 3_600_000 })
  await running.hold()
  sendUdp(network, pod, pod.gateway, 20_000, 2)
  const metrics = await running.stop('stop soon')
  assert.is(metrics.fovea_ebpf_ring_full_records, 0)
  const ringRecords = (SMALL.ring_size_mib << 20) / (EVENT_BYTES + 8)
  assert.ok(metrics['fovea_ebpf_lost_records shutdown']! > ringRecords)
})

lifecycle('a loss is told although no flow follows it', async () => {
  const running = await observe(SMALL)
  await running.hold()
  sendUdp(network, pod, pod.gateway, 1, PACKETS)
  await running.release()
  await eventually('the loss', () => (lostOf(running, LostSource.PERF_EVENT_RING_BUFFER) > 0 ? true : undefined))
})

lifecycle('with aggregation a ring that overflows loses nothing', async () => {
  const running = await observe({ ...SMALL, aggregation: 'connection', report_interval: 50 })
  await running.hold()
  sendUdp(network, pod, pod.gateway, 16_000, 2)
  assert.ok((await running.metrics()).fovea_ebpf_deferred_records! > 0)
  await running.release()
  const metrics = await running.stop()
  assert.is(metrics.fovea_ebpf_ring_full_records, 0)
  assert.is(packetsOf(running), metrics.fovea_ebpf_seen_packets)
})

lifecycle('flows name their interface although it is gone when they are reported', async () => {
  const running = await observe({ report_interval: 3_600_000 })
  sendUdp(network, pod, pod.gateway, 1, 10)
  network.run(network.node, 'ip', 'link', 'del', pod.hostInterface)
  await running.observes('endpoint', 0)
  await running.stop()
  const own = running.flows.filter(
    (flow) => flow.protocol === 17 && flow.source === pod.address && flow.kind === Kind.PACKETS,
  )
  assert.is(
    own.reduce((sum, flow) => sum + flow.packets, 0),
    10,
  )
  assert.ok(own.every((flow) => flow.interfaceName === pod.hostInterface))
})

lifecycle('a drop comes with its reason and the place in the kernel', async () => {
  const running = await observe({})
  sendUdp(network, pod, pod.gateway, 1, 3)
  // Drops of the whole machine are seen: only ours come from an interface of this namespace.
  const drop = await eventually('the drop', () =>
    running.flows.find(
      ({ kind, interfaceName, source }) =>
        kind === Kind.DROP && interfaceName === pod.hostInterface && source === pod.address,
    ),
  )
  assert.is(drop.dropReasonName, 'NO_SOCKET')
  assert.match(drop.dropLocation, /^__udp4_lib_rcv\+0x[0-9a-f]+$/)
})

lifecycle("a drop in another namespace bears no name of this one's interfaces", async () => {
  const running = await observe({})
  sendUdp(network, { ...pod, namespace: network.node }, pod.address, 1, 3)
  const drop = await eventually('the drop', () =>
    running.flows.find((flow) => flow.kind === Kind.DROP && flow.destination === pod.address),
  )
  assert.is(drop.dropReasonName, 'NO_SOCKET')
  assert.is(drop.interfaceName, '')
})

lifecycle('without privileges it says which programs cannot be loaded, and why', async () => {
  const capabilities = ['--bounding-set', '-all', '--inh-caps', '-all']
  try {
    await EbpfAgent.start(network.node, {}, ['setpriv', ...capabilities])
    assert.unreachable()
  } catch (error) {
    const { name, message } = error as Error
    assert.is(name, 'NothingToObserveError')
    for (const object of ['packets', 'drops', 'tcp'])
      assert.match(message, new RegExp(`${object}\\.bpf\\.o: .*lacks CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF`))
    assert.match(message, /\nRun it as root, or give it the capabilities it lacks\.$/)
  }
})

lifecycle('what the capabilities allow runs, and the rest is named once', async () => {
  const capabilities = ['--bounding-set', '-net_admin,-sys_admin', '--inh-caps', '-all']
  agent = await EbpfAgent.start(network.node, {}, ['setpriv', ...capabilities])
  await agent.stop()
  const warnings = agent.log.filter((line) => line.startsWith('cannot observe everything'))
  assert.is(warnings.length, 1)
  assert.match(warnings[0]!, /packets\.bpf\.o: .*lacks CAP_NET_ADMIN \(.*endpoint_egress.*sweep\)/)
})

lifecycle.run()
