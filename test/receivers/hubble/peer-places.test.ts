import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { serviceMethods } from '../../../src/hubble/definition.ts'
import { eventually } from '../../support/eventually.ts'
import { type Gateway, startGateway } from '../../support/hubble-gateway.ts'

/** Which of the nodes that a peer service names are followed where there are more than `max_peers`. */
const test = suite('hubble receiver and max_peers')
const [ADDED, DELETED] = [1, 2]
let server: Server
let gateway: Gateway
let tell: (type: number, ...names: string[]) => void
let tellOf: (notification: object) => void

test.before.each(async () => {
  server = new Server()
  const called = new Promise<ServerWritableStream<object, object>>((resolve) => {
    server.addService(serviceMethods('peer.Peer'), { Notify: resolve })
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  gateway = await startGateway({ endpoint: `127.0.0.1:${port}`, peers: true, max_peers: 2 })
  const call = await called
  call.on('error', () => {})
  tellOf = (notification) => call.write(notification)
  // Nobody is there: a node is followed all the same.
  tell = (type, ...names) => {
    for (const name of names) tellOf({ name, address: '127.0.0.1:1', type })
  }
})

test.after.each(async () => {
  await gateway.stop()
  server.forceShutdown()
})

function followed(): string[] {
  return gateway.endpoints.cluster.observed.list().map(({ name }) => name)
}

async function follows(...names: string[]): Promise<void> {
  const isSo = () => JSON.stringify(followed().sort()) === JSON.stringify(names) || undefined
  await eventually(`${names} to be followed`, isSo, 5_000)
}

test('a node that was refused is followed when another one goes', async () => {
  tell(ADDED, 'a', 'b', 'c', 'd')
  await eventually('refusals', () => gateway.metric('refused_peers') === 2 || undefined)
  assert.equal(followed(), ['a', 'b'])
  tell(DELETED, 'a')
  await follows('b', 'c')
  tell(DELETED, 'b')
  await follows('c', 'd')
  assert.is(gateway.metric('refused_peers'), 2)
})

test('a node that went while it was refused is not', async () => {
  tell(ADDED, 'a', 'b', 'c', 'd')
  tell(DELETED, 'c', 'a')
  await follows('b', 'd')
})

test('a node at what is no address, or without TLS by its own word, takes nothing with it', async () => {
  tell(ADDED, 'a')
  tellOf({ name: 'b', address: 'b\n:1', type: ADDED })
  tellOf({ name: 'c', address: 'http://127.0.0.1:1', type: ADDED })
  await eventually('a refusal', () => gateway.metric('refused_peers') === 1 || undefined)
  await eventually('attempts to reach both', () => gateway.metric('broken_streams') >= 4 || undefined)
  await follows('a', 'b')
})

test('a node of which no address is known is refused, and does no harm', async () => {
  tellOf({ name: 'a', type: ADDED })
  tellOf({})
  tell(ADDED, 'b')
  await follows('b')
  assert.is(gateway.metric('refused_peers'), 2)
})

test('what is too long to be a node is refused', async () => {
  tell(ADDED, 'x'.repeat(513), 'a')
  tellOf({ name: 'b', address: `${'y'.repeat(511)}:1`, type: ADDED })
  tell(ADDED, 'c')
  await follows('a', 'c')
  assert.is(gateway.metric('refused_peers'), 2)
})

test('of those that wait, no more than max_peers are remembered', async () => {
  tell(ADDED, 'a', 'b', 'c', 'd', 'e')
  tell(DELETED, 'a', 'b', 'c', 'd')
  await follows()
})

test.run()
