import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../src/flow/address-parser.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { dnsTypeNumber } from '../../src/flow/dns-names.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { createContext } from '../support/create-context.ts'
import { foreignBatch } from '../support/foreign-batch.ts'
import { FIRST_MS, generatedBatch } from '../support/generated-flows.ts'
import { generatedMetricFlows } from '../support/generated-metric-flows.ts'
import { metricLists } from '../support/generated-metric-lists.ts'
import { openMetricsSeries, type Series, seriesOf } from '../support/open-metrics.ts'
import { UpstreamMetrics } from '../support/upstream-metrics.ts'

/**
 * The same flows in fovea's connector and in Hubble's own metric handlers: for lists of metrics at random the series are the same.
 * FOVEA_DIFFERENTIAL_REQUESTS sets how many lists (1,500 by default), FOVEA_DIFFERENTIAL_SEED repeats a run.
 */
const REQUESTS = Number(process.env.FOVEA_DIFFERENTIAL_REQUESTS ?? 1_500)
const SEED = Number(process.env.FOVEA_DIFFERENTIAL_SEED ?? Date.now() % 2 ** 31)
const FLOWS = 400

const TIME_LIMIT = { interruptAfterTimeLimit: 25_000, markInterruptAsFailure: true }

type Flow = Record<string, unknown>

/** What Hubble counts otherwise than fovea on purpose: flows are given to Hubble as fovea understands them. */
const DIFFERENCES: Readonly<Record<string, (flow: Flow) => Flow>> = {
  /** A reason that is only in the field of Cilium before 1.11 counts as that reason, not as an unknown one. */
  oldDropReason: ({ drop_reason, drop_reason_desc, ...flow }) => ({
    ...flow,
    drop_reason_desc: drop_reason_desc ?? drop_reason,
  }),
  /** A record type by a name that is none (Hubble writes `Unknown` for all it does not know) is `TYPE0`. */
  unknownDnsTypes: changedDns(({ qtypes, rrtypes, ...dns }) => ({
    ...dns,
    qtypes: (qtypes as string[]).map(dnsTypeText),
    rrtypes: (rrtypes as string[]).map(dnsTypeText),
  })),
  /** Addresses of no version are none; one that is missing beside a version is unspecified. */
  oddAddresses: ({ IP, ...flow }) => {
    if (IP === undefined) return flow
    const { source = '::', destination = '::', ...rest } = IP as Flow
    return { ...flow, IP: rest.ipVersion === undefined ? rest : { ...rest, source, destination } }
  },
  /** An address of an answer that is no address does not count. */
  addressesThatAreNone: changedDns(({ ips, ...dns }) => ({ ...dns, ips: (ips as string[]).filter(isAddress) })),
}

function changedDns(change: (dns: Flow) => Flow): (flow: Flow) => Flow {
  return (flow) => {
    const l7 = flow.l7 as Flow | undefined
    return l7?.dns === undefined ? flow : { ...flow, l7: { ...l7, dns: change(l7.dns as Flow) } }
  }
}

function dnsTypeText(name: string): string {
  return dnsTypeNumber(name) === 0 ? 'TYPE0' : name
}

function isAddress(text: string): boolean {
  const bytes = new TextEncoder().encode(text)
  const column = new Uint32Array(4)
  parseAddress(bytes, 0, bytes.length, column, 0)
  return column.some((word) => word !== 0)
}

/** Series that fovea counts. @throws Error when it refuses the list */
async function counted(table: EndpointTable, batch: FlowBatch, metrics: unknown[]): Promise<Series> {
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const config = { ...defaults, metrics, exact: false }
  const [problem] = hubbleMetricsConfig.check!(config)
  if (problem !== undefined) throw new Error(problem.message)
  const context = { ...createContext('connector', 'hubble_metrics'), endpoints: table }
  const connector = new HubbleMetricsConnector(context, config)
  connector.consume(batch)
  const families = connector.source.families().filter(({ name }) => name !== 'hubble_lost_events_total')
  const series = Object.assign({}, ...families.map(seriesOf))
  await connector.shutdown()
  return series
}

/** In words, shortened; undefined where there is none. */
function differenceOf(own: Series, theirs: Series): string | undefined {
  const keys = new Set([...Object.keys(own), ...Object.keys(theirs)])
  const lines: string[] = []
  for (const key of keys) {
    const [a, b] = [JSON.stringify(own[key]), JSON.stringify(theirs[key])]
    if (a !== b) lines.push(`${key}: fovea ${a}, Hubble ${b}`)
  }
  return lines.length === 0 ? undefined : lines.slice(0, 6).join('\n')
}

/** What was compared. */
class Seen {
  /** Series by the name of their metric. */
  readonly series = new Map<string, number>()
  exemplars = 0
  refused = 0

  add(series: Series): void {
    for (const [key, { trace }] of Object.entries(series)) {
      const name = key.replace(/\{.*/s, '')
      this.series.set(name, (this.series.get(name) ?? 0) + 1)
      if (trace !== undefined) this.exemplars++
    }
  }

  tell(): void {
    const times = [...this.series].map(([name, count]) => `${name} ${count}`).join(', ')
    console.log(`  series compared: ${times}; ${this.exemplars} exemplars; ${this.refused} lists refused`)
  }
}

interface Counting {
  batch: FlowBatch
  /** The flows as `observer.GetFlowsResponse`. */
  events: Uint8Array[]
}

/** Flows as Cilium's agents make them, through the decoding of the `hubble` receiver. */
function flowsOfOthers(table: EndpointTable): Counting {
  const flows = generatedMetricFlows(SEED, FLOWS)
  const understood = flows.map((flow) => Object.values(DIFFERENCES).reduce((changed, change) => change(changed), flow))
  const { serialize } = messageType('observer.GetFlowsResponse')
  return { batch: foreignBatch(table, flows), events: understood.map((flow) => serialize({ flow })) }
}

/** Flows of this node's own columns, as the Hubble API tells them. */
function ownFlows(table: EndpointTable): Counting {
  const batch = generatedBatch(table, { seed: SEED, count: FLOWS, firstMs: FIRST_MS })
  const emitter = { name: 'Fovea', version: '1' }
  const encoder = new HubbleEncoder({ nodeName: 'node-1', emitter, ends: new Ends(table), uuidPrefix: '' })
  encoder.refresh()
  return { batch, events: Array.from({ length: FLOWS }, (_, row) => encoder.response(batch, row, 1).slice()) }
}

const KINDS = [
  { kind: 'flows of other observers', generate: flowsOfOthers, requests: REQUESTS, names: 15 },
  { kind: 'flows of this node', generate: ownFlows, requests: REQUESTS / 2, names: 10 },
]

const test = suite('metrics differential')

for (const { kind, generate, requests, names } of KINDS) {
  test(`${kind}: ${requests} lists of metrics of seed ${SEED} make the series that Hubble makes`, async () => {
    const table = new EndpointTable()
    const { batch, events } = generate(table)
    const upstream = new UpstreamMetrics(events)
    const seen = new Seen()
    const same = fc.asyncProperty(metricLists, async ({ request, metrics }) => {
      const { text = '', error } = await upstream.count(request)
      const own = await counted(table, batch, metrics).catch((refusal: Error) => refusal)
      if (error !== undefined && own instanceof Error) return void seen.refused++
      if (error !== undefined || own instanceof Error) throw new Error(`fovea ${own}; Hubble ${error}`)
      const theirs = openMetricsSeries(text)
      const difference = differenceOf(own, theirs)
      if (difference !== undefined) throw new Error(difference)
      seen.add(theirs)
    })
    try {
      await fc.assert(same, { numRuns: requests, seed: SEED, ...TIME_LIMIT, includeErrorInReport: true })
    } finally {
      await upstream.stop()
      batch.release()
    }
    seen.tell()
    // A comparison of nothing with nothing would always hold.
    assert.is(seen.series.size, names)
    assert.ok([...seen.series.values()].every((times) => times > requests / 4))
    if (names === 15) assert.ok(seen.exemplars > requests / 10)
  })
}

test.run()
