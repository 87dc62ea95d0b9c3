import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Kind, ObservationPoint, Protocol } from '../../src/flow/enums.ts'
import { EbpfAgent, sumOf } from '../support/ebpf-agent.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { ethernetFrame, type PacketSpec } from '../support/packets.ts'
import { sendFrames } from '../support/traffic.ts'

/** Real frames by a packet socket: what this kernel has no devices or sockets for. */
const frames = suite('frames of a packet socket')
let network: NodeNetwork
let pod: Pod
let agent: EbpfAgent

frames.before.each(async () => {
  network = new NodeNetwork('frames')
  pod = network.addPod()
  agent = await EbpfAgent.start(network.node, { programs: { drops: false, tcp: false } })
  await agent.observes('endpoint', 1)
  network.up(pod)
})
frames.after.each(async () => {
  await agent.kill()
  network.remove()
})

/** The stack takes the outer tag off before anybody looks; the interface counted its bytes. */
const TAG_BYTES = 4

const cases: { name: string; spec: PacketSpec; vlan: number }[] = [
  { name: 'SCTP', spec: { protocol: Protocol.SCTP, destinationPort: 3868 }, vlan: 0 },
  { name: 'SCTP over IPv6', spec: { protocol: Protocol.SCTP, source: 'fd77::8', destination: 'fd77::9' }, vlan: 0 },
  { name: 'UDP in a VLAN', spec: { protocol: Protocol.UDP, vlans: [100] }, vlan: 100 },
  { name: 'TCP in QinQ', spec: { protocol: Protocol.TCP, vlans: [200, 30] }, vlan: 200 },
]
for (const { name, spec, vlan } of cases)
  frames(`${name}: every frame and byte is told`, async () => {
    const count = 50
    const sent = Array.from({ length: count }, (_, i) =>
      ethernetFrame({ payload: new Uint8Array(20 + i), sourcePort: 40_000 + (i % 5), ...spec }),
    )
    sendFrames(network, pod, sent)
    network.down(pod)
    const passed = network.counters(pod, 'tx')
    await agent.stop()
    const left = agent.flows.filter(({ kind, point }) => kind === Kind.PACKETS && point === ObservationPoint.TO_STACK)
    const told = left.filter((flow) => flow.protocol === spec.protocol)
    assert.equal([...new Set(told.map((flow) => flow.vlan))], [vlan])
    const bytes = sent.reduce((total, frame) => total + frame.length, 0)
    const tagBytes = vlan === 0 ? 0 : count * TAG_BYTES
    assert.equal(sumOf(told), { packets: count, bytes: bytes - tagBytes })
    // Multicast listener reports leave the pod as well.
    assert.equal(sumOf(left), { packets: passed.packets, bytes: passed.bytes - tagBytes })
  })

frames.run()
