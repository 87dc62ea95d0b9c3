import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../support/eventually.ts'
import { ConfigFolder, FoveaProcess } from '../support/fovea-process.ts'
import { hubble } from '../support/hubble.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { ping } from '../support/traffic.ts'

/** SIGHUP while the kernel programs run: what is new takes effect, what was kept stays. */
const reload = suite('reload of a running agent')
let network: NodeNetwork
let pods: [Pod, Pod]
let folder: ConfigFolder
let agent: FoveaProcess | undefined

reload.before.each(() => {
  network = new NodeNetwork('reload')
  pods = [network.addPod(), network.addPod()]
  folder = new ConfigFolder()
})
reload.after.each(async () => {
  await agent?.kill()
  agent = undefined
  network.remove()
  folder.remove()
})

function configure(exclude: string): string {
  return folder.write(
    'agent.yaml',
    `
receivers: {ebpf: {interfaces: {exclude: [lo, ${exclude}]}}}
exporters: {hubble: {unix_socket: {path: ${folder.path}/hubble.sock}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {flows: {receivers: [ebpf], exporters: [hubble]}}
`,
  )
}

/** Interfaces on which the ring has echo requests. */
async function interfacesTold(): Promise<Set<string>> {
  const answer = await hubble(`unix://${folder.path}/hubble.sock`, [
    'observe',
    '--all',
    '--protocol',
    'icmp',
    '-o',
    'json',
  ])
  return new Set(answer.lines.map((line) => JSON.parse(line).flow.interface?.name))
}

reload('interfaces that a new configuration allows are attached, flows from before it are still told', async () => {
  const config = configure('pod2')
  agent = new FoveaProcess(['run', '--config', config], {}, undefined, network.node)
  await agent.wrote(/observing 1 interfaces/)
  for (const pod of pods) network.up(pod)
  ping(network, pods[0], pods[1].address, 2)
  await eventually('the first flows', async () => ((await interfacesTold()).has('pod1') ? true : undefined))
  assert.not((await interfacesTold()).has('pod2'))

  configure('pod1')
  agent.signal('SIGHUP')
  await agent.wrote(/observing 1 interfaces.*pod2/)
  ping(network, pods[0], pods[1].address, 2)
  const told = await eventually('flows of the other interface', async () => {
    const names = await interfacesTold()
    return names.has('pod2') ? names : undefined
  })
  assert.ok(told.has('pod1'), 'the ring of the hubble exporter outlives the receiver')
})

reload('a configuration with a mistake changes nothing', async () => {
  const config = configure('pod2')
  agent = new FoveaProcess(['run', '--config', config], {}, undefined, network.node)
  await agent.wrote(/observing 1 interfaces/)
  for (const pod of pods) network.up(pod)
  configure('pod1]')
  agent.signal('SIGHUP')
  await agent.wrote(/agent\.yaml:\d+/)
  ping(network, pods[0], pods[1].address, 2)
  await eventually('flows as before', async () => ((await interfacesTold()).has('pod1') ? true : undefined))
})

reload.run()
