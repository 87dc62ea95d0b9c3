import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EbpfAgent } from '../support/ebpf-agent.ts'
import { NodeNetwork } from '../support/node-network.ts'

const discovery = suite('discovery of interfaces')
let network: NodeNetwork
let agent: EbpfAgent | undefined

discovery.before.each(() => {
  network = new NodeNetwork('discovery')
})
discovery.after.each(async () => {
  await agent?.kill()
  agent = undefined
  network.remove()
})

discovery('attaches to loopback and to the veths that are there at the start', async () => {
  network.addPod()
  agent = await EbpfAgent.start(network.node)
  await agent.observes('loopback', 1)
  await agent.observes('endpoint', 1)
})

discovery('attaches to a veth that appears while running, and forgets it when it goes', async () => {
  agent = await EbpfAgent.start(network.node)
  await agent.observes('loopback', 1)
  const pod = network.addPod()
  await agent.observes('endpoint', 1)
  network.run(network.node, 'ip', 'link', 'del', pod.hostInterface)
  await agent.observes('endpoint', 0)
  const metrics = await agent.stop()
  assert.is(metrics.fovea_ebpf_attach_failures, 0)
  assert.equal(
    agent.log.filter((line) => line.includes('cannot')),
    [],
  )
})

discovery('hears of interfaces whose maker asked the kernel for an echo', async () => {
  agent = await EbpfAgent.start(network.node)
  await agent.observes('loopback', 1)
  const pod = network.addPod()
  await agent.observes('endpoint', 1)
  network.run(network.node, 'ip', '-echo', 'link', 'del', pod.hostInterface)
  await agent.observes('endpoint', 0)
})

discovery('attaches to a veth whose other end moves into a namespace later', async () => {
  agent = await EbpfAgent.start(network.node)
  network.run(network.node, 'ip', 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb')
  await agent.observes('loopback', 1)
  const pod = network.addPod()
  await agent.observes('endpoint', 1)
  network.run(network.node, 'ip', 'link', 'set', 'vb', 'netns', pod.namespace.name)
  await agent.observes('endpoint', 2)
})

discovery(
  "takes the interface of a namespace's default route as a device of that machine, not as a pod's",
  async () => {
    const pod = network.addPod()
    network.up(pod)
    agent = await EbpfAgent.start(pod.namespace)
    await agent.observes('network', 1)
    await agent.observes('endpoint', 0)
  },
)

discovery(
  'takes the ports of a bridge and not the bridge, and follows include, exclude and role patterns',
  async () => {
    network.run(network.node, 'ip', 'link', 'add', 'br0', 'type', 'bridge')
    for (let i = 0; i < 4; i++) network.addPod()
    network.run(network.node, 'ip', 'link', 'set', 'pod1', 'master', 'br0')
    const interfaces = { exclude: ['pod[23]', 'lo'], network: ['pod4'] }
    agent = await EbpfAgent.start(network.node, { interfaces })
    await agent.observes('endpoint', 1)
    await agent.observes('network', 1)
    await agent.observes('loopback', 0)
    await agent.stop()
    agent = await EbpfAgent.start(network.node, { interfaces: { include: ['br*', 'pod1'] } })
    await agent.observes('endpoint', 1)
    await agent.observes('network', 1)
  },
)

discovery('survives interfaces that come and go as fast as they can', async () => {
  agent = await EbpfAgent.start(network.node)
  await agent.observes('loopback', 1)
  const commands = Array.from({ length: 100 }, (_, i) => [
    `link add x${i} type veth peer name y${i}`,
    `link del x${i}`,
  ]).flat()
  const script = `printf '%s\\n' ${commands.map((command) => `'${command}'`).join(' ')} | ip -batch -`
  network.run(network.node, 'sh', '-c', script)
  network.addPod()
  await agent.observes('endpoint', 1)
  const metrics = await agent.stop()
  assert.is(metrics.fovea_ebpf_attach_failures, 0)
  assert.equal(
    agent.log.filter((line) => line.includes('cannot')),
    [],
  )
})

discovery.run()
