import type { ChildProcess } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Direction, Kind, Protocol, Reply, TcpFlag } from '../../src/flow/enums.ts'
import { Point } from '../../src/flow/points.ts'
import { KernelRecords } from '../support/kernel-records.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { ECHO_PORT, sendTcp, serve } from '../support/traffic.ts'

/** include/net/tcp_states.h */
const State = { ESTABLISHED: 1, SYN_SENT: 2, SYN_RECV: 3, CLOSE: 7, LISTEN: 10 } as const
const Reset = { SENT: 1, RECEIVED: 2 } as const
const SYN_TIMEOUT_US = 1_000_000

/** Connects while a rule holds back the SYN-ACKs, which is deleted after half a second. */
const RELEASE_LATER = '(sleep 0.5; nft delete table ip hold) & : < /dev/tcp/$0/$1; wait'

const sockets = suite('TCP sockets')
let network: NodeNetwork
let client: Pod
let server: Pod
let kernel: KernelRecords
let listener: ChildProcess | undefined

sockets.before.each(() => {
  network = new NodeNetwork('tcp')
  client = network.addPod()
  server = network.addPod()
  network.up(client)
  network.up(server)
  kernel = new KernelRecords('tcp')
})
sockets.after.each(async () => {
  listener?.kill('SIGKILL')
  listener = undefined
  await kernel.close()
  network.remove()
})

/** The two ends as the client's packets have them. */
const forth = (port = ECHO_PORT) => ({ source: client.address, destination: server.address, destinationPort: port })
const back = (port = ECHO_PORT) => ({ source: server.address, destination: client.address, sourcePort: port })

sockets('tell the setup of a connection from the side that connects and from the other one', async () => {
  listener = await serve(server.namespace)
  sendTcp(network, client, server.address, 1, 1000)
  const connect = { kind: Kind.TCP_CONNECT, ...forth(), reply: Reply.NO }
  const active = await kernel.find('the connect', { ...connect, direction: Direction.EGRESS })
  const passive = await kernel.find('the accept', { ...connect, direction: Direction.INGRESS })
  for (const record of [active, passive]) {
    assert.ok(record.detail > 0, 'setup time')
    assert.ok(record.rttUs > 0, 'RTT')
    assert.equal([record.protocol, record.point, record.ipVersion], [Protocol.TCP, Point.NONE, 4])
  }
  assert.is(active.sourcePort, passive.sourcePort)
})

sockets('tell IPv6 connections', async () => {
  listener = await serve(server.namespace)
  sendTcp(network, client, server.address6, 1, 1000)
  const ends = { source: client.address6, destination: server.address6, destinationPort: ECHO_PORT }
  const record = await kernel.find('the connect', { kind: Kind.TCP_CONNECT, ...ends })
  assert.is(record.ipVersion, 6)
})

sockets('tell the close of both ends without retransmissions', async () => {
  listener = await serve(server.namespace)
  sendTcp(network, client, server.address, 1, 100_000)
  for (const ends of [forth(), back()]) {
    const record = await kernel.find('the close', { kind: Kind.TCP_CLOSE, ...ends })
    assert.is(record.detail, 0)
    assert.ok(record.sourcePort > 0 && record.destinationPort > 0)
    assert.ok(record.rttUs > 0)
  }
})

sockets('tell the reset that a closed port sends, and its arrival', async () => {
  connectInVain()
  const reset = { kind: Kind.TCP_RESET, ...back(), tcpFlags: TcpFlag.RST }
  await kernel.find('the reset on its way', { ...reset, detail: Reset.SENT })
  await kernel.find('the reset that arrived', { ...reset, detail: Reset.RECEIVED })
  await kernel.find('the close of the socket', { kind: Kind.TCP_CLOSE, ...forth() })
})

sockets('tell retransmissions of both ends of a handshake, and count the wait for them into its setup', async () => {
  listener = await serve(server.namespace)
  const hold = 'add table ip hold; add chain ip hold in { type filter hook input priority 0; }'
  network.run(client.namespace, 'nft', `${hold}; add rule ip hold in tcp flags & (syn|ack) == syn|ack drop`)
  network.run(client.namespace, 'bash', '-c', RELEASE_LATER, server.address, String(ECHO_PORT))
  const again = { kind: Kind.TCP_RETRANSMIT, packets: 1 }
  await kernel.find('the SYN again', { ...again, ...forth(), tcpFlags: TcpFlag.SYN })
  await kernel.find('the SYN-ACK again', { ...again, ...back(), tcpFlags: TcpFlag.SYN | TcpFlag.ACK })
  const connect = await kernel.find('the connect', { kind: Kind.TCP_CONNECT, ...forth(), direction: Direction.EGRESS })
  assert.ok(connect.detail >= SYN_TIMEOUT_US)
  const close = await kernel.find('the close', { kind: Kind.TCP_CLOSE, ...forth() })
  assert.ok(close.detail >= 1)
})

sockets('tell each change of state when asked to', async () => {
  await kernel.close()
  kernel = new KernelRecords('tcp', { cfg_tcp_states: 1 })
  listener = await serve(server.namespace)
  sendTcp(network, client, server.address, 1, 10)
  const state = (old: number, now: number) => ({ kind: Kind.TCP_STATE, detail: (old << 8) | now })
  await kernel.find('the SYN of the client', { ...state(State.CLOSE, State.SYN_SENT), destination: server.address })
  await kernel.find('the connect', { ...state(State.SYN_SENT, State.ESTABLISHED), ...forth() })
  await kernel.find('the accept', { ...state(State.SYN_RECV, State.ESTABLISHED), ...back() })
})

sockets('tell no state otherwise', async () => {
  listener = await serve(server.namespace)
  sendTcp(network, client, server.address, 1, 10)
  await kernel.find('the close', { kind: Kind.TCP_CLOSE, ...forth() })
  assert.equal(
    kernel.records.filter((record) => record.kind === Kind.TCP_STATE),
    [],
  )
})

sockets.run()

/** Tries to open a TCP connection from the client's pod. */
function connectInVain(): void {
  assert.throws(() =>
    network.run(client.namespace, 'bash', '-c', ': < /dev/tcp/$0/$1', server.address, String(ECHO_PORT)),
  )
}
