import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LINK_STATISTICS } from '../../native/node-statistics.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { HostRoot, nodeStatsSettings, RunningNodeStats } from '../support/node-stats.ts'
import { ping, sendTcp, sendUdp, serve } from '../support/traffic.ts'

/** Every number against the tool that people would look with, in a namespace that nobody else uses. */
const stats = suite('node_stats against ss, ip, ethtool, nstat and conntrack')
let network: NodeNetwork
let pod: Pod
let host: HostRoot
let running: RunningNodeStats | undefined
const children: ChildProcess[] = []

stats.before.each(async () => {
  network = new NodeNetwork('nodestats')
  pod = network.addPod()
  network.up(pod)
  host = await HostRoot.of(network.node)
})
stats.after.each(async () => {
  await running?.stop()
  running = undefined
  for (const child of children.splice(0)) child.kill()
  host.remove()
  network.remove()
})

const onNode = (...command: string[]) => network.run(network.node, ...command)

async function start(settings: Parameters<typeof RunningNodeStats.start>[0] = {}): Promise<RunningNodeStats> {
  running = await RunningNodeStats.start({ root_path: host.path, ...settings })
  return running
}

/** Sockets in several states that stay: listeners, both ends of connections of both families, ends half closed. */
const SOCKETS = `
import socket, sys, time
kept = []
def hold(family, address, count):
    server = socket.socket(family); server.bind((address, 7100)); server.listen(512); kept.append(server)
    for i in range(count):
        client = socket.create_connection((address, 7100)); served, _ = server.accept(); kept.extend([client, served])
        if i % 10 == 0: client.shutdown(socket.SHUT_WR)
hold(socket.AF_INET, '127.0.0.1', 300)
hold(socket.AF_INET6, '::1', 200)
print('ready', flush=True)
sys.stdin.read()
`

async function holdSockets(): Promise<void> {
  const [program, args] = network.node.command('python3', '-c', SOCKETS)
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
}

/** `ss`' words for states, in those of OpenTelemetry. */
const SS_STATES: Readonly<Record<string, string>> = {
  ESTAB: 'established',
  'FIN-WAIT-2': 'fin_wait_2',
  'CLOSE-WAIT': 'close_wait',
  LISTEN: 'listen',
  'TIME-WAIT': 'time_wait',
}

function socketsOfSs(family: '-4' | '-6'): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const line of onNode('ss', '-H', '-t', '-a', '-n', family).trim().split('\n')) {
    const state = SS_STATES[line.split(/\s+/)[0] ?? ''] ?? line
    counts[state] = (counts[state] ?? 0) + 1
  }
  return counts
}

stats('TCP sockets by state and family are those of ss', async () => {
  await holdSockets()
  const told = await (await start()).read('system.network.connection.count')
  const of = (type: string) =>
    Object.fromEntries(
      Object.entries(told).flatMap(([labels, count]) =>
        labels.startsWith(`tcp ${type} `) && count > 0 ? [[labels.split(' ')[2] ?? '', count]] : [],
      ),
    )
  assert.equal(of('ipv4'), socketsOfSs('-4'))
  assert.equal(of('ipv6'), socketsOfSs('-6'))
  assert.is(of('ipv4').established, 540)
})

stats('addresses of the other ends are counted up to the limit, and the rest together', async () => {
  await holdSockets()
  const all = await (await start({ tcp: { enabled: true, remote_addresses: 10 } })).read(
    'fovea.node.tcp.peer.connections',
  )
  assert.equal(all, { '127.0.0.1': 600, '::1': 400 })
  await running?.stop()
  const one = await (await start({ tcp: { enabled: true, remote_addresses: 1 } })).read(
    'fovea.node.tcp.peer.connections',
  )
  assert.equal(one, { '127.0.0.1': 600, other: 400 })
})

stats("interfaces' packets, bytes and all other statistics are those of ip -s link", async () => {
  const server = await serve(network.node)
  children.push(server)
  sendTcp(network, pod, pod.gateway, 3, 100_000)
  sendUdp(network, pod, pod.gateway, 3, 10)
  ping(network, pod, pod.gateway, 3)
  network.down(pod)
  const node = await start({ interfaces: { ...nodeStatsSettings().interfaces, pods: true } })
  const links = JSON.parse(onNode('ip', '-s', '-s', '-j', 'link')) as { ifname: string; stats64: Ip }[]
  assert.ok(links.some(({ ifname, stats64 }) => ifname === pod.hostInterface && stats64.rx.packets > 30))
  const read = (metric: string) => node.read(metric)
  for (const { ifname, stats64 } of links)
    for (const [way, counts] of [
      ['receive', stats64.rx],
      ['transmit', stats64.tx],
    ] as const) {
      const labels = `${ifname} ${way}`
      assert.is((await read('system.network.io'))[labels], counts.bytes, labels)
      assert.is((await read('system.network.packet.count'))[labels], counts.packets, labels)
      assert.is((await read('system.network.packet.dropped'))[labels], counts.dropped, labels)
      assert.is((await read('system.network.errors'))[labels], counts.errors, labels)
    }
  const details = await read('fovea.node.interface.statistics')
  assert.is(Object.keys(details).length, links.length * (LINK_STATISTICS.length - 8))
})

interface Ip {
  rx: { bytes: number; packets: number; dropped: number; errors: number }
  tx: { bytes: number; packets: number; dropped: number; errors: number }
}

stats('driver statistics of a veth are those of ethtool -S', async () => {
  sendUdp(network, pod, pod.gateway, 2, 5)
  network.down(pod)
  const told = await (
    await start({
      interfaces: { ...nodeStatsSettings().interfaces, include: ['pod*'], pods: true },
      driver: { enabled: true, statistics: [], max_statistics: 4_096 },
    })
  ).read('fovea.node.interface.driver')
  const lines = onNode('ethtool', '-S', pod.hostInterface).trim().split('\n').slice(1)
  const expected = Object.fromEntries(
    lines.map((line) => {
      const [name = '', value = ''] = line.split(': ')
      return [`${pod.hostInterface} ${name.trim()}`, Number(value)]
    }),
  )
  assert.ok((expected[`${pod.hostInterface} peer_ifindex`] ?? 0) > 0)
  assert.equal(told, expected)
})

stats('statistics of protocols are those of nstat', async () => {
  const server = await serve(network.node)
  children.push(server)
  sendTcp(network, pod, pod.gateway, 5, 1_000)
  sendUdp(network, pod, pod.gateway, 3, 10)
  ping(network, pod, pod.gateway, 3)
  network.down(pod)
  const node = await start({ protocols: { enabled: true, statistics: [] } })
  const told = await node.read('fovea.node.protocol.statistics')
  const { kernel } = JSON.parse(onNode('nstat', '-a', '-s', '-z', '-j')) as { kernel: Record<string, number> }
  const compared = Object.entries(told).filter(([labels]) => labels.replace(' ', '') in kernel)
  assert.ok(compared.length > 250, String(compared.length))
  assert.equal(
    compared.filter(([labels, value]) => kernel[labels.replace(' ', '')] !== value),
    [],
  )
  assert.is(told['Tcp PassiveOpens'], 5)
  assert.is(told['Icmp InEchos'], 3)
})

/** Segments without any flag: connection tracking calls them invalid. */
const NO_FLAGS = `
import socket, struct
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for i in range(7): out.sendto(struct.pack('!HHIIBBHHH', 4000 + i, 9, 0, 0, 0x50, 0, 100, 0, 0), ('127.0.0.1', 0))
`

stats('use and counters of connection tracking are those of the kernel', async () => {
  onNode('nft', 'add table ip t; add chain ip t c { type filter hook output priority 0; }')
  onNode('nft', 'add rule ip t c ct state new counter')
  const server = await serve(network.node)
  children.push(server)
  sendUdp(network, pod, pod.gateway, 4, 2)
  onNode('python3', '-c', NO_FLAGS)
  const node = await start()
  const cat = (path: string) => onNode('cat', path).trim()
  const entries = Number(cat('/proc/sys/net/netfilter/nf_conntrack_count'))
  assert.ok(entries >= 4, String(entries))
  assert.equal(await node.read('system.network.conntrack.count'), { '': entries })
  assert.equal(await node.read('system.network.conntrack.max'), {
    '': Number(cat('/proc/sys/net/netfilter/nf_conntrack_max')),
  })
  const [head = '', ...cpus] = cat('/proc/net/stat/nf_conntrack').split('\n')
  const names = head.trim().split(/\s+/)
  const sum = (name: string) =>
    cpus.reduce((total, cpu) => total + Number.parseInt(cpu.trim().split(/\s+/)[names.indexOf(name)] ?? '', 16), 0)
  const events = await node.read('fovea.node.conntrack.events')
  for (const name of ['found', 'invalid', 'insert', 'insert_failed', 'drop', 'early_drop', 'search_restart'])
    assert.is(events[name], sum(name), name)
  assert.is(events.error, sum('icmp_error'))
  assert.is(events.clash_resolve, sum('clashres'))
  assert.ok((events.invalid ?? 0) >= 7)
})

stats('series go with their interface, and begin anew with another of its name', async () => {
  const node = await start({ interfaces: { ...nodeStatsSettings().interfaces, include: ['va'], pods: true } })
  assert.equal(await node.read('system.network.io'), {})
  onNode('ip', 'link', 'add', 'va', 'up', 'type', 'veth', 'peer', 'name', 'vb')
  onNode('ip', 'link', 'set', 'vb', 'up')
  onNode('ip', 'addr', 'add', '10.9.9.1/24', 'dev', 'va')
  // Nobody answers: what leaves is an ARP request.
  onNode('sh', '-c', 'ping -q -c 1 -W 1 10.9.9.2 || true')
  const first = (await node.read('system.network.io'))['va transmit'] ?? 0
  assert.ok(first > 0)
  onNode('ip', 'link', 'del', 'va')
  onNode('ip', 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb')
  assert.equal(await node.read('system.network.io'), { 'va receive': 0, 'va transmit': 0 })
  onNode('ip', 'link', 'del', 'va')
  assert.equal(await node.read('system.network.io'), {})
})

stats("Retina's names: a forwarded packet counts once, at the node's own device", async () => {
  const other = network.addPod()
  network.up(other)
  // A veth with the default route is the node's own device.
  onNode('ip', 'route', 'add', 'default', 'via', other.address)
  const before = network.counters(other, 'rx', 'tx')
  sendUdp(network, pod, other.address, 5, 4)
  network.down(pod)
  const node = await start({ names: 'retina' })
  const device = JSON.parse(onNode('ip', '-s', '-j', 'link', 'show', other.hostInterface))[0].stats64
  assert.ok(before.packets < device.tx.packets)
  assert.equal(await node.read('networkobservability_forward_count'), {
    ingress: device.rx.packets,
    egress: device.tx.packets,
  })
  assert.equal(await node.read('networkobservability_forward_bytes'), {
    ingress: device.rx.bytes,
    egress: device.tx.bytes,
  })
})

stats.run()
