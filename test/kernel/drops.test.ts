import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadAddon } from '../../native/addon.ts'
import { Kind, Protocol, TcpFlag } from '../../src/flow/enums.ts'
import { Point } from '../../src/flow/points.ts'
import { eventually } from '../support/eventually.ts'
import { KernelRecords } from '../support/kernel-records.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { ECHO_PORT, ping, sendUdp } from '../support/traffic.ts'

const drops = suite('dropped packets')
const reasons = new Map(
  loadAddon()
    .dropReasons()
    .map(([number, name]) => [name, number]),
)

/** Two connections that send a byte each and stay open for a while. */
const CONNECT_TWICE = 'for i in 1 2; do timeout 9 bash -c "exec 3<>/dev/tcp/$0/$1; echo >&3; sleep 9" & done; wait'

let network: NodeNetwork
let client: Pod
let server: Pod
let kernel: KernelRecords

drops.before.each(() => {
  network = new NodeNetwork('drops')
  client = network.addPod()
  server = network.addPod()
  network.up(client)
  network.up(server)
  kernel = new KernelRecords('drops')
})
drops.after.each(async () => {
  await kernel.close()
  network.remove()
})

const flow = () => ({ kind: Kind.DROP, source: client.address, destination: server.address })

drops('tell a closed UDP port with both ends, bytes and place', async () => {
  sendUdp(network, client, server.address, 1, 1, 100)
  const record = await kernel.find('the datagram', { ...flow(), protocol: Protocol.UDP })
  assert.is(record.detail, reason('NO_SOCKET'))
  assert.is(record.destinationPort, ECHO_PORT)
  assert.equal([record.packets, record.bytes], [1, 14 + 20 + 8 + 100])
  assert.is(record.point, Point.NONE)
  assert.is(record.verdict, 0)
  assert.match(record.location, /udp4/)
})

drops('tell a closed TCP port with its flags', async () => {
  connect(server.address)
  const record = await kernel.find('the SYN', { ...flow(), protocol: Protocol.TCP })
  assert.equal([record.detail, record.tcpFlags], [reason('NO_SOCKET'), TcpFlag.SYN])
})

drops('tell IPv6 as well', async () => {
  sendUdp(network, client, server.address6, 1, 1, 50)
  const ends = { source: client.address6, destination: server.address6 }
  const record = await kernel.find('the datagram', { kind: Kind.DROP, ...ends, protocol: Protocol.UDP })
  assert.equal([record.ipVersion, record.detail, record.bytes], [6, reason('NO_SOCKET'), 14 + 40 + 8 + 50])
})

drops('are those of netfilter when iptables drops', async () => {
  network.run(network.node, 'iptables', '-A', 'FORWARD', '-p', 'udp', '-j', 'DROP')
  sendUdp(network, client, server.address, 1, 1)
  const record = await kernel.find('the datagram', { ...flow(), detail: reason('NETFILTER_DROP') })
  assert.is(record.verdict, 1)
})

drops('are those of netfilter when nftables drops', async () => {
  network.run(server.namespace, 'nft', 'add table ip t; add chain ip t c { type filter hook input priority 0; }')
  network.run(server.namespace, 'nft', 'add rule ip t c udp dport 7000 drop')
  sendUdp(network, client, server.address, 1, 1)
  const record = await kernel.find('the datagram', { ...flow(), detail: reason('NETFILTER_DROP') })
  assert.is(record.verdict, 1)
})

drops('tell a missing route', async () => {
  sendUdp(network, client, '10.200.0.1', 1, 1)
  const record = await kernel.find('the datagram', {
    kind: Kind.DROP,
    source: client.address,
    destination: '10.200.0.1',
  })
  assert.is(record.detail, reason('IP_INNOROUTES'))
  assert.is.not(record.ifindex, 0)
})

/*
 * The queue has room for five. Four connections wait in it; of four more, as many as may begin, the handshakes are held
 * back half-way, so that there is room when they begin and not for all when they end: processors that end one each at the
 * same moment all find room. (A SYN that finds the queue full is not among the kernel's drops.)
 */
drops('tell a full listen queue', async () => {
  network.run(server.namespace, 'sysctl', '-qw', 'net.ipv4.tcp_syncookies=0')
  const children = [await listenWithoutAccepting(4)]
  try {
    children.push(connectTwice(), connectTwice())
    await eventually('four connections in the queue', () => (queueLength() === 4 ? true : undefined))
    network.run(
      server.namespace,
      'nft',
      'add table ip hold; add chain ip hold c { type filter hook input priority 0; }',
    )
    network.run(server.namespace, 'nft', 'add rule ip hold c tcp flags & (syn|ack) == ack drop')
    children.push(connectTwice(), connectTwice())
    await established(8)
    network.run(server.namespace, 'nft', 'delete table ip hold')
    const record = await kernel.find('an overflow', { ...flow(), detail: reason('TCP_LISTEN_OVERFLOW') })
    assert.is(record.protocol, Protocol.TCP)
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
})

drops('are not the rests of echo replies that ping has received', async () => {
  ping(network, client, server.address, 3)
  sendUdp(network, client, server.address, 1, 1)
  await kernel.find('the datagram after the pings', { ...flow(), protocol: Protocol.UDP })
  const replies = kernel.records.filter(
    (record) => record.source === server.address && record.protocol === Protocol.ICMP,
  )
  assert.equal(
    replies.filter((record) => record.icmpType === 0),
    [],
  )
})

drops('are left out by reason', async () => {
  await kernel.close()
  const bits = Array.from({ length: 8 }, () => 0n)
  const left = reason('NO_SOCKET')
  bits[left >> 6] = 1n << BigInt(left & 63)
  kernel = new KernelRecords('drops', { cfg_left_out: bits })
  sendUdp(network, client, server.address, 1, 1)
  sendUdp(network, client, '10.200.0.1', 1, 1)
  await kernel.find('the datagram without a route', {
    kind: Kind.DROP,
    source: client.address,
    destination: '10.200.0.1',
  })
  assert.equal(
    kernel.records.filter((record) => record.detail === left),
    [],
  )
})

drops.run()

/** Number of a drop reason in this kernel. */
function reason(name: string): number {
  const number = reasons.get(name)
  if (number === undefined) throw new Error(`this kernel has no drop reason ${name}`)
  return number
}

/** A server that is busy for ever: its queue holds `backlog` + 1 connections. */
async function listenWithoutAccepting(backlog: number): Promise<ChildProcess> {
  const script = `require('node:net').createServer().listen({ port: ${ECHO_PORT}, host: '0.0.0.0', backlog: ${backlog} }, () => {
    require('node:fs').writeSync(1, 'ready')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
  const [program, args] = server.namespace.command(process.execPath, '-e', script)
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

function connectTwice(): ChildProcess {
  const [program, args] = client.namespace.command('bash', '-c', CONNECT_TWICE, server.address, String(ECHO_PORT))
  return spawn(program, args, { stdio: 'ignore' })
}

/** Connections that wait for the server's `accept`. */
function queueLength(): number {
  return Number(network.run(server.namespace, 'ss', '-Hltn').trim().split(/\s+/)[1])
}

/** Waits until the client has so many open connections. */
async function established(count: number): Promise<void> {
  await eventually(`${count} connections`, () => {
    const open = network.run(client.namespace, 'ss', '-Htn', 'state', 'established').trim().split('\n')
    return open.length === count ? true : undefined
  })
}

/** Tries to open a TCP connection from the client's pod, in vain. */
function connect(address: string): void {
  const [program, args] = client.namespace.command('bash', '-c', `: < /dev/tcp/${address}/${ECHO_PORT}`)
  assert.throws(() => execFileSync(program, args, { stdio: 'pipe' }))
}
