import { isDeepStrictEqual } from 'node:util'
import { type ServiceError, status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch, LostEvents } from '../../src/flow/batch.ts'
import type { EndpointTable } from '../../src/flow/endpoint.ts'
import { LostSource } from '../../src/flow/enums.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { FILTER_FIELDS } from '../support/generated-filters.ts'
import { FIRST_MS, type GeneratedFlows, generatedBatch } from '../support/generated-flows.ts'
import { generatedForeignBatch } from '../support/generated-foreign-flows.ts'
import { flowsRequest } from '../support/generated-requests.ts'
import { startHubble } from '../support/hubble.ts'
import { HubbleClient } from '../support/hubble-client.ts'
import { startUpstreamObserver } from '../support/upstream-observer.ts'

/**
 * The same flows in fovea's exporter and in Hubble's own observer: generated requests get the same answers and the same errors.
 * FOVEA_DIFFERENTIAL_REQUESTS sets how many of each kind (1,500 by default), FOVEA_DIFFERENTIAL_SEED repeats a run.
 */
const REQUESTS = Number(process.env.FOVEA_DIFFERENTIAL_REQUESTS ?? 1_500)
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

/** The same flows on both sides. */
interface Both {
  fovea: HubbleClient
  upstream: HubbleClient
  stop(): Promise<void>
}

const LOST: LostEvents[] = [
  { source: LostSource.PERF_EVENT_RING_BUFFER, count: 42 },
  { source: LostSource.OBSERVER_EVENTS_QUEUE, count: 7, firstMs: 1_000, lastMs: 2_500 },
]

/** Puts two batches, and losses between them, into fovea, and what fovea answers into Hubble. */
async function startBoth(generate: (table: EndpointTable, flows: GeneratedFlows) => FlowBatch): Promise<Both> {
  const running = await startHubble()
  running.endpoints.cluster.nodeLabels = ['kubernetes.io/hostname=node-1', 'zone=a']
  const first = generate(running.endpoints, { seed: SEED, count: FLOWS, firstMs: FIRST_MS })
  running.exporter.consume(first)
  running.exporter.consume(
    generate(running.endpoints, { seed: SEED + 1, count: FLOWS, firstMs: lastMs(first), lost: LOST }),
  )
  const fovea = new HubbleClient(running.server)
  const observer = await startUpstreamObserver(
    UPSTREAM_DEFECTS.newestEventUnreadable(await fovea.rawFlows({})),
    running.context.nodeName,
  )
  const upstream = new HubbleClient(observer.server)
  const stop = async () => {
    fovea.close()
    upstream.close()
    await observer.stop()
    await running.stop()
  }
  return { fovea, upstream, stop }
}

function lastMs({ columns: { timeSeconds, timeNanos }, length }: FlowBatch): number {
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

const KINDS = [
  { kind: 'flows of this node', generate: generatedBatch },
  { kind: 'flows of other observers', generate: generatedForeignBatch },
]

const test = suite('hubble differential')

for (const { kind, generate } of KINDS) {
  test(`${kind}: ${REQUESTS} requests of seed ${SEED} are answered as Hubble answers them`, async () => {
    const both = await startBoth(generate)
    try {
      await compare(both)
    } finally {
      await both.stop()
    }
  })
}

async function compare({ fovea, upstream }: Both): Promise<void> {
  const known = (await ask(fovea, {})) as { answers: Answer[] }
  const flows = known.answers.flatMap(({ flow }) => flow ?? []) as { uuid?: string; time: { seconds: number } }[]
  assert.is(flows.length, 2 * FLOWS)
  const requests = flowsRequest({
    uuids: flows.flatMap(({ uuid }) => uuid ?? []).slice(0, 20),
    lastMs: 1_000 * flows.at(-1)!.time.seconds,
    fields: FILTER_FIELDS,
  })
  const seen = { empty: 0, some: 0, refused: new Set<string>() }
  const same = fc.asyncProperty(requests, async (request: Request) => {
    const asked = [ask(fovea, request), ask(upstream, UPSTREAM_DEFECTS.addressSpelling(request))] as const
    const [own, theirs] = await Promise.all(asked)
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
}

test.run()
