import { type ClientReadableStream, type ServiceError, status } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventStream, type EventsCall } from '../../../src/exporters/hubble/event-stream.ts'
import type { AgentEvent } from '../../../src/flow/agent-event.ts'
import { EventLog } from '../../../src/flow/event-log.ts'
import { ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { type RunningHubble, startHubble } from '../../support/hubble.ts'
import { HubbleClient } from '../../support/hubble-client.ts'

/** GetAgentEvents and GetDebugEvents over real connections. */
const test = suite('agent and debug events')
let hubble: RunningHubble
let client: HubbleClient

function deleted(id: number): AgentEvent {
  return { at: 'service_deleted', id }
}

test.before.each(async () => {
  hubble = await startHubble()
  client = new HubbleClient(hubble.server)
})

test.after.each(async () => {
  client.close()
  await hubble.stop()
})

interface EventAnswer {
  agent_event: { type: number; agent_start?: { time: { seconds: number } }; service_delete?: { id: number } }
  node_name: string
  time: { seconds: number; nanos?: number }
}

interface Ended {
  answers: EventAnswer[]
  error: ServiceError | undefined
}

function begin(method: string, request: object): { call: ClientReadableStream<unknown>; ended: Promise<Ended> } {
  const call = client.stream('observer.Observer', method, request) as ClientReadableStream<unknown>
  const answers: EventAnswer[] = []
  call.on('data', (answer) => answers.push(answer))
  const ended = new Promise<Ended>((resolve) => {
    let error: ServiceError | undefined
    call.once('error', (told: ServiceError) => {
      error = told
    })
    // The error overtakes answers that are still to be handed over.
    call.once('end', () => resolve({ answers, error }))
  })
  return { call, ended }
}

/** Ids of the services of the events, `start` for the start of the agent, the status where it is not OK. */
function said({ answers, error }: Ended): (number | string)[] {
  const ids = answers.map(({ agent_event: { agent_start, service_delete } }) =>
    agent_start ? 'start' : service_delete!.id,
  )
  return error === undefined ? ids : [...ids, status[error.code]]
}

const far = { seconds: 4_000_000_000 }
const cases: { name: string; request: object; said: (number | string)[] }[] = [
  { name: 'nothing asked for: everything', request: {}, said: ['start', 1, 2, 3, 4] },
  { name: 'number: the last N', request: { number: 2 }, said: [3, 4] },
  { name: 'number beyond what is there', request: { number: 2 ** 64 }, said: ['start', 1, 2, 3, 4] },
  { name: 'first: the first N', request: { number: 2, first: true }, said: ['start', 1] },
  { name: 'first without number', request: { first: true }, said: ['start', 1, 2, 3, 4] },
  { name: 'since what is to come', request: { since: far }, said: [] },
  {
    name: 'since with number: the first N from there',
    request: { since: { seconds: 1 }, number: 2 },
    said: ['start', 1],
  },
  { name: 'until long ago', request: { until: { seconds: 1 } }, said: [] },
  { name: 'until what is to come', request: { until: far, number: 1 }, said: [4] },
  { name: 'first with follow', request: { first: true, follow: true }, said: ['INVALID_ARGUMENT'] },
  { name: 'a time that is none', request: { since: { seconds: 1, nanos: -1 } }, said: ['UNKNOWN'] },
]

for (const { name, request, said: expected } of cases) {
  test(`agent events, ${name}`, async () => {
    for (let id = 1; id <= 4; id++) hubble.endpoints.cluster.events.append(deleted(id))
    assert.equal(said(await begin('GetAgentEvents', request).ended), expected)
  })
}

for (const method of ['GetFlows', 'GetAgentEvents', 'GetDebugEvents']) {
  test(`${method} is answered with the version of the server`, async () => {
    const { call } = begin(method, {})
    const version = await new Promise((resolve) => {
      call.once('metadata', (metadata) => resolve(metadata.get('hubble-server-version')[0]))
    })
    assert.match(String(version), /^\d+\.\d+\.\d+/)
  })
}

test('an answer carries the time of the event and the node', async () => {
  const [answer] = (await begin('GetAgentEvents', { number: 1 }).ended).answers
  assert.is(answer!.node_name, 'node-1')
  assert.ok(Math.abs(answer!.time.seconds - Date.now() / 1_000) < 60)
  assert.ok(answer!.agent_event.agent_start!.time.seconds <= Date.now() / 1_000)
})

const follows: { name: string; request: object; said: (number | string)[] }[] = [
  { name: 'from now on', request: { follow: true }, said: [5, 6, 'UNAVAILABLE'] },
  { name: 'the last N, then on', request: { follow: true, number: 1 }, said: [4, 5, 6, 'UNAVAILABLE'] },
  {
    name: 'since then on, whatever the number',
    request: { follow: true, since: { seconds: 1 }, number: 1 },
    said: ['start', 1, 2, 3, 4, 5, 6, 'UNAVAILABLE'],
  },
]

for (const { name, request, said: expected } of follows) {
  test(`following agent events ${name}, and never ending with OK`, async () => {
    const { events } = hubble.endpoints.cluster
    for (let id = 1; id <= 4; id++) events.append(deleted(id))
    const { ended } = begin('GetAgentEvents', request)
    await streams(1)
    events.append(deleted(5))
    events.append(deleted(6))
    await hubble.stop()
    assert.equal(said(await ended), expected)
  })
}

test('debug events: none, an end with OK, and a follower that waits until the agent stops', async () => {
  for (const request of [{}, { number: 20 }, { first: true, number: 1 }])
    assert.equal(said(await begin('GetDebugEvents', request).ended), [])
  assert.equal(said(await begin('GetDebugEvents', { first: true, follow: true }).ended), ['INVALID_ARGUMENT'])
  const { ended } = begin('GetDebugEvents', { follow: true, number: 5 })
  await streams(1)
  await hubble.stop()
  assert.equal(said(await ended), ['UNAVAILABLE'])
})

test('a follower that leaves ends its stream', async () => {
  const { call, ended } = begin('GetAgentEvents', { follow: true })
  await streams(1)
  call.cancel()
  assert.equal(said(await ended), ['CANCELLED'])
  await streams(0)
})

test('kept and forgotten events are metrics', async () => {
  const { events } = hubble.endpoints.cluster
  for (let id = 1; id <= events.capacity + 9; id++) events.append(deleted(id))
  assert.equal([metric('agent_events'), metric('forgotten_agent_events')], [events.capacity, 10])
})

test('who reads more slowly than events come goes on with the oldest, and what was missed is counted', async () => {
  const log = new EventLog<number>(10)
  const answers: object[] = []
  let missed = 0
  let writable = true
  const handlers: Record<string, () => void> = {}
  const call = {
    request: { follow: true },
    on: (name: string, handler: () => void) => {
      handlers[name] = handler
    },
    write: (answer: object) => {
      answers.push(answer)
      return writable
    },
  }
  const stream = new EventStream<number>(call as unknown as EventsCall, {
    log,
    encode: ({ event }) => ({ event }),
    lost: (events) => {
      missed += events
    },
  })
  const running = stream.run()
  writable = false
  for (let event = 0; event < 25; event++) log.append(event)
  await eventually('the first answer', () => answers.length === 1 || undefined)
  writable = true
  for (let event = 25; event < 30; event++) log.append(event)
  handlers.drain!()
  await eventually('the rest', () => answers.length === 11 || undefined)
  handlers.cancelled!()
  await running
  assert.equal(
    answers.map((answer) => (answer as { event: number }).event).slice(1),
    [20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
  )
  assert.is(missed + answers.length, 30)
})

async function streams(count: number): Promise<void> {
  await eventually(`${count} streams`, () => metric('streams') === count || undefined)
}

function metric(name: string): number {
  return ownMetric(hubble.context, `otelcol_exporter_hubble_${name}`, { exporter: 'hubble' })
}

test.run()
