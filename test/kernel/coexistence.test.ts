import { readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Kind } from '../../src/flow/enums.ts'
import { EbpfAgent } from '../support/ebpf-agent.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { sendUdp } from '../support/traffic.ts'

const coexistence = suite('coexistence with others on the same interfaces')
let network: NodeNetwork
let pod: Pod
const agents: EbpfAgent[] = []

coexistence.before.each(() => {
  network = new NodeNetwork('coexist')
  pod = network.addPod()
})
coexistence.after.each(async () => {
  for (const agent of agents.splice(0)) await agent.kill()
  network.remove()
})

async function observe(attach: 'tcx' | 'clsact'): Promise<EbpfAgent> {
  const agent = await EbpfAgent.start(network.node, { attach, interfaces: { include: ['pod*'] } })
  agents.push(agent)
  await agent.observes('endpoint', 1)
  return agent
}

const tc = (...words: string[]) => network.run(network.node, 'tc', ...words)
const SIDES = ['ingress', 'egress'] as const

const PASS_ALL = ['bpf', 'bytecode', '1,6 0 0 0,', 'flowid', '1:1']

/** Another program's qdisc and filters: one for another protocol where ours would like to be, and one to share that place with. */
function installOthers() {
  const dev = pod.hostInterface
  tc('qdisc', 'add', 'dev', dev, 'clsact')
  tc('filter', 'add', 'dev', dev, 'ingress', 'protocol', 'ip', 'pref', '1', ...PASS_ALL)
  tc(
    'filter',
    'add',
    'dev',
    dev,
    'egress',
    'pref',
    '1',
    'handle',
    '7',
    'bpf',
    'bytecode',
    '1,6 0 0 0,',
    'flowid',
    '1:1',
  )
}

/** Every filter of the interface, as lines; `ours`: only those with our name, else only the others. */
function filters(whose: 'ours' | 'others'): string[] {
  const lines = SIDES.flatMap((side) => tc('filter', 'show', 'dev', pod.hostInterface, side).split('\n'))
  // A preference that two programs share has one line of its own for both: it says nothing of either.
  const filters = lines.filter((line) => line.includes('handle 0x'))
  return filters.filter((line) => line.includes('fovea_') === (whose === 'ours')).map((line) => line.trim())
}

function hasQdisc(): boolean {
  return tc('qdisc', 'show', 'dev', pod.hostInterface).includes('clsact')
}

for (const attach of ['tcx', 'clsact'] as const) {
  coexistence(`${attach}: others' qdisc and filters survive our start, stop and kill -9`, async () => {
    installOthers()
    const others = filters('others')
    assert.ok(others.length >= 2)
    const first = await observe(attach)
    assert.equal(filters('others'), others)
    assert.is(filters('ours').length, attach === 'clsact' ? 2 : 0)
    await first.stop()
    assert.equal(filters('others'), others)
    assert.equal(filters('ours'), [])
    const second = await observe(attach)
    await second.kill()
    assert.equal(filters('others'), others)
    assert.ok(hasQdisc())
  })
}

coexistence('clsact: the next start deletes what a killed agent left, and only that', async () => {
  installOthers()
  const others = filters('others')
  const killed = await observe('clsact')
  const alive = await observe('clsact')
  await killed.kill()
  assert.is(filters('ours').length, 4)
  const next = await observe('clsact')
  assert.is((await next.metrics()).fovea_ebpf_cleaned_filters, 2)
  assert.is(filters('ours').length, 4, 'two of the one that is alive, two of the new one')
  await next.stop()
  await alive.stop()
  assert.equal(filters('ours'), [])
  assert.equal(filters('others'), others)
})

coexistence('a start by tcx also deletes the filters that a killed agent left', async () => {
  const killed = await observe('clsact')
  await killed.kill()
  assert.is(filters('ours').length, 2)
  await observe('tcx')
  assert.equal(filters('ours'), [])
})

coexistence('clsact: the qdisc we made goes with us unless somebody else uses it', async () => {
  const alone = await observe('clsact')
  assert.ok(hasQdisc())
  await alone.stop()
  assert.not(hasQdisc())
  const joined = await observe('clsact')
  tc('filter', 'add', 'dev', pod.hostInterface, 'ingress', 'pref', '9', ...PASS_ALL)
  await joined.stop()
  assert.ok(hasQdisc())
  assert.is(filters('others').length, 1)
})

coexistence('tcx: nothing stays when the agent is killed', async () => {
  const agent = await observe('tcx')
  const links = tcxLinks(agent.pid)
  assert.is(links.length, 2)
  await agent.kill()
  for (const id of links) assert.not(linkExists(id))
})

coexistence('two agents on one machine count the same packets, and one goes without disturbing the other', async () => {
  const [first, second, third] = [await observe('tcx'), await observe('clsact'), await observe('tcx')]
  network.up(pod)
  sendUdp(network, pod, pod.gateway, 2, 20)
  await first.stop()
  sendUdp(network, pod, pod.gateway, 2, 20)
  await second.stop()
  await third.stop()
  const [one, two, three] = [first, second, third].map(udpFromPod)
  assert.equal([one, two, three], [40, 80, 80])
})

function udpFromPod(agent: EbpfAgent): number {
  const own = agent.flows.filter(
    (flow) => flow.kind === Kind.PACKETS && flow.protocol === 17 && flow.source === pod.address,
  )
  return own.reduce((sum, flow) => sum + flow.packets, 0)
}

/** Ids of the tcx links a process holds (fdinfo of bpf-link, kernel 6.6). */
function tcxLinks(pid: number): string[] {
  const folder = `/proc/${pid}/fdinfo`
  const infos = readdirSync(folder).map((fd) => readFileSync(`${folder}/${fd}`, 'utf8'))
  return infos.filter((info) => /link_type:\s*tcx/.test(info)).map((info) => /link_id:\s*(\d+)/.exec(info)?.[1] ?? '')
}

function linkExists(id: string): boolean {
  const links = JSON.parse(network.run(network.node, 'bpftool', '-j', 'link', 'show')) as { id: number }[]
  return links.some((link) => String(link.id) === id)
}

coexistence.run()
