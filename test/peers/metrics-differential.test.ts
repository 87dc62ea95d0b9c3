import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../src/flow/address-parser.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { dnsTypeNumber } from '../../src/flow/dns-names.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { CONTEXT_LABELS } from '../../src/processors/hubble_metrics/contexts/context-options.ts'
import { IDENTIFIERS } from '../../src/processors/hubble_metrics/contexts/identifiers.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'
import { createContext } from '../support/create-context.ts'
import { foreignBatch } from '../support/foreign-batch.ts'
import { flowFilter } from '../support/generated-filters.ts'
import { generatedMetricFlows } from '../support/generated-metric-flows.ts'
import { openMetricsSeries, type Series, seriesOf } from '../support/open-metrics.ts'
import { type MetricsRequest, UpstreamMetrics } from '../support/upstream-metrics.ts'

/**
 * The same flows in fovea's connector and in Hubble's own metric handlers: for lists of metrics at random the series are the same.
 * FOVEA_DIFFERENTIAL_REQUESTS sets how many lists (1,000 by default), FOVEA_DIFFERENTIAL_SEED repeats a run.
 */
const REQUESTS = Number(process.env.FOVEA_DIFFERENTIAL_REQUESTS ?? 1_000)
const SEED = Number(process.env.FOVEA_DIFFERENTIAL_SEED ?? Date.now() % 2 ** 31)
const FLOWS = 400

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

const LISTS = ['sourceContext', 'sourceIngressContext', 'sourceEgressContext'].flatMap((name) => [
  name,
  name.replace('source', 'destination'),
])

/** Fields whose values are read alike on both sides; the filters themselves are compared elsewhere. */
const FILTERED = [
  'source_workload',
  'destination_pod',
  'source_label',
  'destination_port',
  'protocol',
  'reply',
  'http_method',
]

const METRICS = Object.keys(HANDLER_KINDS)

interface Metric {
  name: string
  contextOptions: { name: string; values: string[] }[]
  includeFilters?: object[]
  excludeFilters?: object[]
}

const anyCase = (text: string) =>
  fc.constantFrom(
    text,
    text,
    text.toLowerCase(),
    text.replace(/^./, (letter) => letter.toUpperCase()),
  )

const identifiers = fc.array(
  fc.oneof(
    { weight: 150, arbitrary: fc.constantFrom(...IDENTIFIERS).chain(anyCase) },
    { weight: 1, arbitrary: fc.constantFrom('host', 'pods') },
  ),
  { maxLength: 3 },
)

const labels = fc.oneof(
  { weight: 50, arbitrary: fc.subarray([...CONTEXT_LABELS]) },
  { weight: 1, arbitrary: fc.constant(['source_ip', 'Source_pod'] as string[]) },
)

const contexts = fc
  .tuple(
    fc.subarray(LISTS, { maxLength: 4 }).chain((names) => fc.tuple(...names.map((name) => option(name, identifiers)))),
    fc.option(option('labelsContext', labels), { freq: 1 }),
  )
  .map(([lists, labelled]) => (labelled === null ? lists : [labelled, ...lists]))

function option(name: string, values: fc.Arbitrary<string[]>) {
  return fc.record({ name: anyCase(name), values })
}

/** Options of a handler; `exemplars` of handlers whose metrics have them in Hubble, too. */
function ownOptions(name: string): fc.Arbitrary<{ name: string; values: string[] }[]> {
  const written = Object.keys(HANDLER_KINDS[name]!.options).filter((own) => own !== 'exemplars')
  const plain = fc.subarray(written).chain((names) => fc.tuple(...names.map((own) => option(own, fc.constant(['x'])))))
  if (!name.startsWith('http')) return plain
  const exemplars = option('exemplars', fc.constantFrom(['true'], ['true', 'false'], ['false'], ['yes']))
  return fc.option(exemplars).map((chosen) => (chosen === null ? [] : [chosen]))
}

const metric = fc.constantFrom(...METRICS).chain((name) =>
  fc.record({
    name: fc.constant(name),
    contextOptions: fc.tuple(ownOptions(name), contexts).map((all) => all.flat()),
  }),
)

const several = fc.uniqueArray(metric, { selector: ({ name }) => name, minLength: 1, maxLength: 3 })

const filters = fc.array(flowFilter([], FILTERED), { maxLength: 2 })

const dynamic = fc
  .array(fc.record({ includeFilters: filters, excludeFilters: filters }), { minLength: 3, maxLength: 3 })
  .chain((lists) => several.map((metrics) => metrics.map((one, i) => ({ ...one, ...lists[i] }))))

/** As the option `hubble-metrics` has it, with empty elements here and there. */
function staticList(metrics: readonly Metric[]): string {
  return metrics.map(({ name, contextOptions }) => `${name}:${contextOptions.map(written).join(';')};`).join('  ')
}

function written({ name, values }: { name: string; values: string[] }, i: number): string {
  // With one `|` all values are between them; a comma would be a part of a value then.
  return `${name}=${i % 2 === 0 ? values.map((value) => `${value}|`).join('|') : values.join(',,')}`
}

const requests: fc.Arbitrary<{ request: MetricsRequest; metrics: unknown[] }> = fc.oneof(
  several.map((metrics) => ({ request: { static: staticList(metrics) }, metrics: [staticList(metrics)] })),
  dynamic.map((metrics) => ({ request: { dynamic: JSON.stringify({ metrics }) }, metrics })),
)

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

const test = suite('metrics differential')

test(`${REQUESTS} lists of metrics of seed ${SEED} make the series that Hubble makes`, async () => {
  const flows = generatedMetricFlows(SEED, FLOWS)
  const table = new EndpointTable()
  const batch = foreignBatch(table, flows)
  const understood = flows.map((flow) => Object.values(DIFFERENCES).reduce((changed, change) => change(changed), flow))
  const upstream = new UpstreamMetrics(understood)
  const seen = { series: new Map<string, number>(), exemplars: 0, refused: 0 }
  const same = fc.asyncProperty(requests, async ({ request, metrics }) => {
    const { text = '', error } = await upstream.count(request)
    const own = await counted(table, batch, metrics).catch((refusal: Error) => refusal)
    if (error !== undefined || own instanceof Error) {
      seen.refused++
      if (error === undefined || !(own instanceof Error)) throw new Error(`fovea ${own}; Hubble ${error}`)
      return
    }
    const theirs = openMetricsSeries(text)
    const difference = differenceOf(own, theirs)
    if (difference !== undefined) throw new Error(difference)
    for (const [key, { trace }] of Object.entries(theirs)) {
      const name = key.replace(/\{.*/s, '')
      seen.series.set(name, (seen.series.get(name) ?? 0) + 1)
      if (trace !== undefined) seen.exemplars++
    }
  })
  try {
    await fc.assert(same, {
      numRuns: REQUESTS,
      seed: SEED,
      interruptAfterTimeLimit: 50_000,
      markInterruptAsFailure: true,
      includeErrorInReport: true,
    })
  } finally {
    await upstream.stop()
    batch.release()
  }
  console.log(
    `  ${[...seen.series].map(([name, times]) => `${name} ${times}`).join(', ')}; ${seen.exemplars} exemplars`,
  )
  console.log(`  ${seen.refused} lists refused`)
  // A comparison of nothing with nothing would always hold.
  assert.is(seen.series.size, 15)
  assert.ok([...seen.series.values()].every((times) => times > REQUESTS / 4) && seen.exemplars > REQUESTS / 10)
})

test.run()
