import { status } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LostSource } from '../../../src/flow/enums.ts'
import { NodeState } from '../../../src/flow/observed-nodes.ts'
import type { HubbleReceiverConfig } from '../../../src/receivers/hubble/config.ts'
import { ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { encodeFlow, encodeResponse } from '../../support/flow-messages.ts'
import { type Gateway, startGateway } from '../../support/hubble-gateway.ts'
import { ScriptedObserver } from '../../support/scripted-observer.ts'

/** What the receiver makes of observers that break, repeat themselves or talk nonsense. */
const test = suite('hubble receiver')
const SECONDS = 1_800_000_000
let observer: ScriptedObserver
let gateway: Gateway

async function begin(settings: Partial<HubbleReceiverConfig> = {}): Promise<void> {
  observer = new ScriptedObserver()
  const endpoint = await observer.start()
  gateway = await startGateway({ endpoint, ...settings })
  await observer.asked(1)
}

test.after.each(async () => {
  await gateway.stop()
  observer.stop()
})

function flow(uuid: string, seconds = 0, more: object = {}): Uint8Array {
  const time = { seconds: SECONDS + seconds }
  return encodeResponse({ flow: { uuid, time, node_name: 'n1', verdict: 1, ...more }, time, node_name: 'n1' })
}

function uuids(): string[] {
  return gateway.sink.rows((batch, row) => batch.foreign?.uuid(row) ?? '')
}

test('asks for new flows with the configured filters and headers', async () => {
  await begin({ include: [{ verdict: ['DROPPED'] }], exclude: [{ ip_trace_id: [7] }], headers: { 'x-team': 'net' } })
  const [request] = observer.requests
  assert.is(request!.follow, true)
  assert.is(request!.number, 0)
  assert.not(request!.since)
  assert.equal((request!.whitelist[0] as { verdict: number[] }).verdict, [2])
  assert.equal((request!.blacklist[0] as { ip_trace_id: number[] }).ip_trace_id, [7])
  assert.is(observer.headers['x-team'], 'net')
})

test('asks again from before the break, and takes nothing twice', async () => {
  await begin()
  observer.send(flow('a', 0), flow('b', 5))
  await gateway.sink.until(2)
  observer.end({ code: status.UNAVAILABLE, details: 'restarting' })
  await observer.asked(2)
  assert.equal(observer.requests[1]!.since, { seconds: SECONDS + 3, nanos: 0 })
  observer.send(flow('b', 5), flow('c', 5))
  await gateway.sink.until(3)
  assert.equal(uuids(), ['a', 'b', 'c'])
  assert.is(gateway.metric('duplicate_flows'), 1)
  assert.is(gateway.metric('gaps'), 0)
})

test('a stream that goes on without the last flow known is a gap', async () => {
  await begin()
  observer.send(flow('a'))
  await gateway.sink.until(1)
  observer.end()
  await observer.asked(2)
  observer.send(flow('x', 60), flow('y', 61))
  await gateway.sink.until(3)
  assert.is(gateway.metric('gaps'), 1)
  assert.ok(gateway.context.lines.some(({ msg }) => msg.includes('goes on without the last flow')))
})

test('flows without UUID are dropped where they repeat themselves after a break, and only there', async () => {
  await begin()
  observer.send(flow('', 1), flow('', 1), flow('', 2))
  await gateway.sink.until(3)
  observer.end({ code: status.INTERNAL, details: 'broken' })
  await observer.asked(2)
  observer.send(flow('', 1), flow('', 2), flow('', 3), flow('', 3))
  await gateway.sink.until(5)
  assert.is(gateway.metric('duplicate_flows'), 2)
})

test('an observer that told nothing before it broke is asked from the first connection on', async () => {
  await begin()
  await gateway.connected()
  observer.end()
  await observer.asked(2)
  assert.ok(Math.abs((observer.requests[1]!.since?.seconds ?? 0) - Date.now() / 1_000) < 60)
})

test('what cannot be read is counted and told as lost, and the next flow is taken', async () => {
  await begin()
  const broken = encodeFlow({ uuid: 'z', l4: { TCP: { source_port: 1, flags: { SYN: true } } } }).slice(0, -1)
  observer.send(Uint8Array.of(0xff), wrapped(broken), flow('good'))
  await gateway.sink.until(1)
  assert.equal(uuids(), ['good'])
  assert.is(gateway.metric('malformed_messages'), 2)
  assert.is(ownMetric(gateway.context, 'otelcol_receiver_failed_flows', { receiver: 'hubble' }), 2)
  const lost = gateway.sink.batches.flatMap((batch) => batch.lost)
  assert.is(
    lost.filter(({ source }) => source === LostSource.OBSERVER_EVENTS_QUEUE).reduce((n, { count }) => n + count, 0),
    2,
  )
})

/** An answer with these bytes as flow. */
function wrapped(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(10, bytes.length), bytes])
}

test('lost events of every source go on', async () => {
  await begin()
  for (const source of [1, 2, 3]) {
    observer.send(
      encodeResponse({ lost_events: { source, num_events_lost: 10 * source, first: { seconds: SECONDS } } }),
    )
  }
  const lost = await eventually('lost events', () => {
    const all = gateway.sink.batches.flatMap((batch) => batch.lost)
    return all.length === 3 ? all : undefined
  })
  assert.equal(
    lost.map(({ source, count }) => [source, count]),
    [
      [1, 10],
      [2, 20],
      [3, 30],
    ],
  )
  assert.is(lost[0]!.firstMs, SECONDS * 1_000)
  assert.is(gateway.metric('lost_events', { source: 'hubble_ring_buffer' }), 30)
})

test('lost events keep the node and the processor that they are of', async () => {
  await begin()
  const lost = { source: 1, num_events_lost: 1 }
  observer.send(
    encodeResponse({ lost_events: { ...lost, cpu: { value: 3 } }, node_name: 'east/n1' }),
    encodeResponse({ lost_events: { ...lost, cpu: {} }, node_name: 'n2' }),
    encodeResponse({ lost_events: lost, node_name: 'n3' }),
  )
  const told = await eventually('lost events', () => {
    const all = gateway.sink.batches.flatMap((batch) => batch.lost)
    return all.length === 3 ? all : undefined
  })
  assert.equal(
    told.map(({ nodeName, cpu }) => [nodeName, cpu]),
    [
      ['east/n1', 3],
      ['n2', 0],
      ['n3', undefined],
    ],
  )
})

test("a relay's reports on nodes are kept, counted and logged", async () => {
  await begin()
  const report = (state_change: number, node_names: string[], message = '') =>
    encodeResponse({ node_status: { state_change, node_names, message } })
  observer.send(report(NodeState.CONNECTED, ['a', 'b']), report(NodeState.ERROR, ['b'], 'no such node'))
  const nodes = await eventually('reports', () => {
    const list = gateway.endpoints.cluster.observed.list()
    return list.some(({ state }) => state === NodeState.ERROR) ? list : undefined
  })
  assert.equal(
    nodes.map(({ name, state }) => [name, state]),
    [
      ['a', NodeState.CONNECTED],
      ['b', NodeState.ERROR],
    ],
  )
  assert.is(gateway.metric('node_status', { state: 'connected' }), 2)
  assert.ok(gateway.context.lines.some(({ msg }) => msg.includes('reports of b: no such node')))
})

test('a request that is refused is told once and tried again', async () => {
  await begin()
  for (const attempt of [1, 2, 3]) {
    await observer.asked(attempt)
    observer.end({ code: status.PERMISSION_DENIED, details: 'who are you?' })
  }
  await observer.asked(4)
  assert.is(gateway.metric('broken_streams'), 3)
  assert.is(gateway.context.lines.filter(({ msg }) => msg.startsWith('no flows of')).length, 1)
  const errors = gateway.context.statuses.flatMap((state) => ('error' in state ? [state.error.message] : []))
  assert.match(errors[0]!, 'who are you?')
})

test('an observer that is not there yet is waited for', async () => {
  observer = new ScriptedObserver()
  const endpoint = await observer.start()
  observer.stop()
  gateway = await startGateway({ endpoint })
  await eventually('a failure', () => gateway.metric('broken_streams') > 0 || undefined)
  observer = new ScriptedObserver(Number(endpoint.split(':')[1]))
  await observer.start()
  await observer.asked(1)
  observer.send(flow('late'))
  await gateway.sink.until(1)
})

test('while the pipeline is busy the observer waits, and nothing is lost', async () => {
  await begin()
  const count = 20_000
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const consume = gateway.sink.consume.bind(gateway.sink)
  let first = true
  Object.assign(gateway.sink, {
    consume: (batch: Parameters<typeof consume>[0]) => {
      consume(batch)
      if (!first) return undefined
      first = false
      return held
    },
  })
  for (let i = 0; i < count; i++) observer.send(flow(`f${i}`, i))
  await eventually('the first batch', () => gateway.sink.flows > 0 || undefined)
  let taken = -1
  await eventually('the observer to be held up', () => {
    const before = taken
    taken = gateway.sink.flows + gateway.metric('waiting_flows')
    return taken === before || undefined
  })
  assert.ok(taken < count, `${taken} flows were read`)
  release()
  await gateway.sink.until(count)
  assert.equal(
    uuids(),
    Array.from({ length: count }, (_, i) => `f${i}`),
  )
})

test.run()
