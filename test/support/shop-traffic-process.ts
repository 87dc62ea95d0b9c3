/**
 * Traffic of a shop whose network is ill, until it is killed. `dns`: answers DNS at port 53 of its namespace.
 * `visit SERVER SERVICE NAMESERVER OTHER`: once and again connects to a server, to a service's address, to somebody else, to a port that
 * nobody has, to one that a rule drops and to nowhere; sends more datagrams than a server reads; and asks for names that are there, that are not, and that fail.
 */
import dgram from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet'
import { CLOSED_PORT, DROPPED_PORT, NOWHERE, SLOW_PORT } from './shop.ts'
import { ECHO_PORT } from './traffic.ts'

const [mode, ...addresses] = process.argv.slice(2)
if (mode === 'dns') await answerNames()
else await visit(addresses)

/** Names below `nope` do not exist, those below `broken` fail. */
async function answerNames(): Promise<void> {
  const socket = dgram.createSocket('udp4')
  socket.on('message', (message, from) => {
    const { id = 0, questions = [] } = decode(message)
    const name = questions[0]?.name ?? ''
    const rcode = name.endsWith('nope') ? 3 : name.endsWith('broken') ? 2 : 0
    const answers: Packet['answers'] = rcode === 0 ? [{ type: 'A', name, ttl: 5, data: '10.96.0.50' }] : []
    const answer = encode({ type: 'response', id, flags: RECURSION_DESIRED | rcode, questions, answers })
    socket.send(answer, from.port, from.address)
  })
  socket.bind(53)
  await once(socket, 'listening')
  console.log('ready')
}

async function visit([server = '', service = '', nameserver = '', other = '']: readonly string[]): Promise<void> {
  const resolver = new Resolver({ timeout: 1_000, tries: 1 })
  resolver.setServers([nameserver])
  console.log('ready')
  for (;;) {
    for (const address of [server, other]) exchange(address, ECHO_PORT)
    for (const address of [server, other, nameserver]) exchange(address, DROPPED_PORT)
    exchange(service, 80)
    for (const address of [server, other]) exchange(address, CLOSED_PORT)
    exchange(NOWHERE, ECHO_PORT)
    sendDatagrams(server, SLOW_PORT)
    // What is wrong is wanted here.
    for (const name of ['cart.store', 'cart.nope', 'cart.broken']) resolver.resolve4(name).catch(() => {})
    await setTimeout(400)
  }
}

/** A connection with some bytes, given up after 2.5 s: time for a SYN to be sent again. */
function exchange(host: string, port: number): void {
  const socket = net.connect({ host, port, timeout: 2_500 })
  socket.on('timeout', () => socket.destroy()).on('error', () => {})
  socket.resume().end(new Uint8Array(2_000))
}

function sendDatagrams(host: string, port: number): void {
  const socket = dgram.createSocket('udp4')
  let left = 10
  const done = () => {
    if (--left === 0) socket.close()
  }
  for (let i = left; i > 0; i--) socket.send(new Uint8Array(1_000), port, host, done)
}
