import { isDeepStrictEqual } from 'node:util'
import { type ServiceError, status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LostSource } from '../../src/flow/enums.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { generatedBatch } from '../support/generated-flows.ts'
import { FILTER_FIELDS, flowsRequest } from '../support/generated-requests.ts'
import { type RunningHubble, startHubble } from '../support/hubble.ts'
import { HubbleClient } from '../support/hubble-client.ts'
import { startUpstreamObserver, type UpstreamObserver } from '../support/upstream-observer.ts'

/**
 * The same flows in fovea's exporter and in Hubble's own observer: generated requests get the same answers and the same errors.
 * FOVEA_DIFFERENTIAL_REQUESTS sets how many (3,000 by default), FOVEA_DIFFERENTIAL_SEED repeats a run.
 */
const REQUESTS = Number(process.env.FOVEA_DIFFERENTIAL_REQUESTS ?? 3_000)
const SEED = Number(process.env.FOVEA_DIFFERENTIAL_SEED ?? Date.now() % 2 ** 31)
const FLOWS = 120

/** What Hubble does and fovea does not, on purpose; each is left out of the comparison where it shows. */
const UPSTREAM_DEFECTS = {
  /** The event written last is not read until another one comes: one that nobody asks for is written behind the flows. */
  newestEventUnreadable: (events: readonly Buffer[]): Buffer[] => [...events, Buffer.from([0x22, 0])],
  /** Time and node of an answer come from the masked flow: without these paths they are missing. */
  maskedTimeAndNode: ({ time, node_name, ...rest }: Answer, mask: readonly string[]): Answer => ({
    ...rest,
    ...(mask.length === 0 || mask.some((path) => path === 'time' || path.startsWith('time.')) ? { time } : {}),
    ...(mask.length === 0 || mask.includes('node_name') ? { node_name } : {}),
  }),
  /** A path into a message that the flow does not have makes an empty one. */
  emptyMessages: (answer: Answer, mask: readonly string[]): Answer => {
    for (const path of mask) if (answer.flow !== undefined) pruneEmpty(answer.flow, path.split('.').slice(0, -1))
    return answer
  },
  /** A path into a member of a oneof leaves that of an earlier flow in place. */
  maskedOneof: (answer: Answer, mask: readonly string[]): Answer => {
    const flow = { ...answer.flow }
    for (const oneof of ['l4', 'l7']) if (mask.some((path) => path.startsWith(`${oneof}.`))) delete flow[oneof]
    return answer.flow === undefined ? answer : { ...answer, flow }
  },
  /** An address is found only in the spelling that flows have. */
  addressSpelling: (request: Request): Request =>
    JSON.parse(JSON.stringify(request).replace(/2001:(DB8|db8:0)::1/g, '2001:db8::1')),
  /** What is wrong is followed by examples and regular expressions, or by a drawing. */
  adviceInErrors: (error: string): string =>
    error.replace(/ \(e\.g\. .*/, '').replace(/(error compiling CEL expression).*/, '$1'),
  /** Losses of another time than was asked for are told where no matching flow lies between. */
  lossesOutOfRange: (answers: readonly Answer[], { since, until }: Request): Answer[] =>
    answers.filter(({ lost_events }) => lost_events === undefined || (since === undefined && until === undefined)),
} as const

interface Answer {
  flow?: Record<string, unknown>
  lost_events?: object
  time?: { seconds?: number; nanos?: number }
  node_name?: string
}

interface Request {
  since?: object
  until?: object
  field_mask?: { paths: string[] }
}

type Outcome = { answers: Answer[] } | { error: string }

const test = suite('hubble differential')
let fovea: RunningHubble
let upstream: UpstreamObserver
let clients: { fovea: HubbleClient; upstream: HubbleClient }

test.before(async () => {
  fovea = await startHubble()
  fovea.endpoints.cluster.nodeLabels = ['kubernetes.io/hostname=node-1', 'zone=a']
  const first = generatedBatch(fovea.endpoints, SEED, FLOWS)
  const second = generatedBatch(fovea.endpoints, SEED + 1, FLOWS, lastMs(first))
  second.lost.push({ source: LostSource.PERF_EVENT_RING_BUFFER, count: 42 })
  second.lost.push({ source: LostSource.OBSERVER_EVENTS_QUEUE, count: 7, firstMs: 1_000, lastMs: 2_500 })
  for (const batch of [first, second]) fovea.exporter.consume(batch)
  const client = new HubbleClient(fovea.server)
  const events = UPSTREAM_DEFECTS.newestEventUnreadable(await client.rawFlows({}))
  upstream = await startUpstreamObserver(events, 'node-1')
  clients = { fovea: client, upstream: new HubbleClient(upstream.server) }
})

test.after(async () => {
  clients?.fovea.close()
  clients?.upstream.close()
  await upstream?.stop()
  await fovea?.stop()
})

function lastMs({ columns: { timeSeconds, timeNanos }, length }: ReturnType<typeof generatedBatch>): number {
  return timeSeconds[length - 1]! * 1_000 + Math.floor(timeNanos[length - 1]! / 1e6)
}

async function ask(client: HubbleClient, request: Request): Promise<Outcome> {
  try {
    const { deserialize } = messageType('observer.GetFlowsResponse')
    return { answers: (await client.rawFlows(request)).map((bytes) => deserialize(bytes) as Answer) }
  } catch (error) {
    const { code, details } = error as ServiceError
    // Go's protobuf varies its blanks on purpose.
    return { error: `${status[code]}: ${details.replace(/\s+/g, ' ')}` }
  }
}

/** Without what Hubble gets wrong. */
function comparable(outcome: Outcome, request: Request): Outcome {
  const mask = request.field_mask?.paths ?? []
  if ('error' in outcome) return { error: UPSTREAM_DEFECTS.adviceInErrors(outcome.error) }
  const fair = UPSTREAM_DEFECTS.lossesOutOfRange(outcome.answers, request).map((answer) => {
    if (answer.flow === undefined) return reportOfLoss(answer)
    const pruned = UPSTREAM_DEFECTS.emptyMessages(answer, mask)
    return UPSTREAM_DEFECTS.maskedOneof(UPSTREAM_DEFECTS.maskedTimeAndNode(pruned, mask), mask)
  })
  return { answers: fair }
}

/** Removes messages on the way to `path` with nothing in them. */
function pruneEmpty(message: Record<string, unknown>, [name, ...below]: readonly string[]): void {
  const found = name === undefined ? undefined : message[name]
  if (name === undefined || typeof found !== 'object' || found === null) return
  pruneEmpty(found as Record<string, unknown>, below)
  if (Object.values(found).every((value) => Array.isArray(value) && value.length === 0)) delete message[name]
}

/** Without the time, which is that of its arrival, and without zeros, which one side writes. */
function reportOfLoss({ time, ...rest }: Answer): Answer {
  return JSON.parse(JSON.stringify(rest, (_, value) => (value === 0 ? undefined : value)))
}

/** In words, shortened; undefined where there is none. */
function differenceOf(own: Outcome, theirs: Outcome): string | undefined {
  if (isDeepStrictEqual(own, theirs)) return undefined
  if ('error' in own || 'error' in theirs) return `fovea ${summaryOf(own)}; Hubble ${summaryOf(theirs)}`
  const at = own.answers.findIndex((answer, i) => !isDeepStrictEqual(answer, theirs.answers[i]))
  const [a, b] = [own, theirs].map(
    ({ answers }) => `${answers.length} answers, number ${at} ${JSON.stringify(answers[at])}`,
  )
  return `fovea ${a}\nHubble ${b}`
}

function summaryOf(outcome: Outcome): string {
  return 'error' in outcome ? outcome.error : `${outcome.answers.length} answers`
}

test(`${REQUESTS} requests of seed ${SEED} are answered as Hubble answers them`, async () => {
  const known = (await ask(clients.fovea, {})) as { answers: Answer[] }
  const flows = known.answers.flatMap(({ flow }) => flow ?? []) as { uuid: string; time: { seconds: number } }[]
  assert.is(flows.length, 2 * FLOWS)
  const requests = flowsRequest({
    uuids: flows.slice(0, 20).map(({ uuid }) => uuid),
    lastMs: 1_000 * flows.at(-1)!.time.seconds,
    fields: FILTER_FIELDS.filter((name) => name !== 'experimental'),
  })
  const seen = { empty: 0, some: 0, refused: new Set<string>() }
  const same = fc.asyncProperty(requests, async (request: Request) => {
    const [own, theirs] = await Promise.all([
      ask(clients.fovea, request),
      ask(clients.upstream, UPSTREAM_DEFECTS.addressSpelling(request)),
    ])
    if ('error' in theirs) seen.refused.add(theirs.error)
    else if (theirs.answers.some(({ flow }) => flow !== undefined)) seen.some++
    else seen.empty++
    const difference = differenceOf(comparable(own, request), comparable(theirs, request))
    if (difference !== undefined) throw new Error(difference)
  })
  await fc.assert(same, {
    numRuns: REQUESTS,
    seed: SEED,
    interruptAfterTimeLimit: 100_000,
    markInterruptAsFailure: true,
    includeErrorInReport: true,
  })
  console.log(`  ${seen.some} answers with flows, ${seen.empty} without, ${seen.refused.size} different errors`)
  // A comparison of nothing with nothing would always hold.
  assert.ok(seen.some > REQUESTS / 4 && seen.refused.size > Math.min(20, REQUESTS / 100))
})

test.run()
