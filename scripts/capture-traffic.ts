import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, decode, encode, type Packet, type Question, streamEncode } from 'dns-packet'

/** What the namespaces of `make-capture.ts` say to each other: `node capture-traffic.ts web|dns|client`. */

const WEB = { v4: '10.7.2.2', v6: 'fd07:2::2' }
const DNS = '10.7.3.2'
const ROUNDS = 12
const NXDOMAIN = 3
const AUTHORITATIVE = 1 << 10
const RECURSION_DESIRED = 1 << 8

const ZONE: Readonly<Record<string, readonly Answer[]>> = {
  'A api.example.com': [{ type: 'A', name: 'api.example.com', ttl: 30, data: WEB.v4 }],
  'AAAA api.example.com': [{ type: 'AAAA', name: 'api.example.com', ttl: 30, data: WEB.v6 }],
  'A www.example.com': [
    { type: 'CNAME', name: 'www.example.com', ttl: 300, data: 'edge.example.net' },
    { type: 'A', name: 'edge.example.net', ttl: 60, data: WEB.v4 },
  ],
  'MX example.com': [
    { type: 'MX', name: 'example.com', ttl: 600, data: { preference: 10, exchange: 'mail.example.com' } },
  ],
}

function answerTo(query: Packet): Packet {
  const questions = query.questions ?? []
  const answers = questions.flatMap(({ type, name }) => [...(ZONE[`${type} ${name}`] ?? [])])
  const rcode = answers.length === 0 && !questions.some(({ name }) => `A ${name}` in ZONE) ? NXDOMAIN : 0
  return { type: 'response', id: query.id, flags: AUTHORITATIVE | rcode, questions, answers }
}

async function dnsServer(): Promise<void> {
  const socket = createSocket('udp4')
  socket.on('message', async (message, from) => {
    await sleep(1 + message.length / 10)
    socket.send(encode(answerTo(decode(message))), from.port, from.address)
  })
  socket.bind(53)
  const overTcp = createTcpServer((stream) => {
    stream.once('data', (bytes: Buffer) => stream.end(streamEncode(answerTo(decode(bytes.subarray(2))))))
  })
  overTcp.listen(53)
}

async function webServer(): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url === '/abort') request.socket.resetAndDestroy()
    else response.writeHead(request.url === '/' ? 200 : 404).end('x'.repeat(600))
  })
  server.listen(80)
  const echo = createSocket('udp6', (message, from) => echo.send(message, from.port, from.address))
  echo.bind(9999)
}

let nextId = 100

async function ask(questions: Question[]): Promise<void> {
  const socket = createSocket('udp4')
  socket.send(encode({ type: 'query', id: nextId++, flags: RECURSION_DESIRED, questions }), 53, DNS)
  await once(socket, 'message')
  socket.close()
}

async function askOverTcp(question: Question): Promise<void> {
  const stream = connect(53, DNS)
  stream.write(streamEncode({ type: 'query', id: nextId++, flags: RECURSION_DESIRED, questions: [question] }))
  stream.resume()
  await once(stream, 'close')
}

async function request(host: string, path: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => resolve()
    get({ host, path, agent: false }, (response) => response.resume().on('end', done)).on('error', done)
  })
}

async function knock(port: number, patienceMs: number): Promise<void> {
  const stream = connect(port, WEB.v4)
  // A refusal is what is wanted here.
  const closed = new Promise((resolve) => stream.on('error', resolve).on('close', resolve))
  await Promise.race([closed, sleep(patienceMs)])
  stream.destroy()
}

async function echoOnce(): Promise<void> {
  const socket = createSocket('udp6')
  socket.send(Buffer.alloc(120), 9999, WEB.v6)
  await once(socket, 'message')
  socket.close()
}

/** About 20 seconds of everything. */
async function client(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await ask([{ type: 'A', name: round % 2 ? 'api.example.com' : 'www.example.com' }])
    await request(WEB.v4, round % 3 === 1 ? '/missing' : '/')
    await ask([{ type: 'AAAA', name: 'api.example.com' }])
    await request(WEB.v6, '/')
    if (round % 3 === 0) await echoOnce()
    if (round % 4 === 1) await ask([{ type: 'A', name: 'no-such-host.example.com' }])
    if (round % 4 === 2) await askOverTcp({ type: 'MX', name: 'example.com' })
    if (round % 4 === 3) await request(WEB.v4, '/abort')
    if (round % 5 === 2) await knock(8_443, 500)
    if (round % 5 === 4) await knock(23, 1_300)
    await sleep(1_000)
  }
}

const roles: Readonly<Record<string, () => Promise<void>>> = { web: webServer, dns: dnsServer, client }
await roles[process.argv[2] ?? '']?.()
