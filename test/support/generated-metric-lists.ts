import fc from 'fast-check'
import { CONTEXT_LABELS } from '../../src/processors/hubble_metrics/contexts/context-options.ts'
import { IDENTIFIERS } from '../../src/processors/hubble_metrics/contexts/identifiers.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'
import { flowFilter } from './generated-filters.ts'
import type { MetricsRequest } from './upstream-metrics.ts'

/** Lists of metrics at random: every handler, option and context, as Hubble writes them; a few of all values are wrong. */

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

/** The same list for Hubble and for fovea. */
export const metricLists: fc.Arbitrary<{ request: MetricsRequest; metrics: unknown[] }> = fc.oneof(
  several.map((metrics) => ({ request: { static: staticList(metrics) }, metrics: [staticList(metrics)] })),
  dynamic.map((metrics) => ({ request: { dynamic: JSON.stringify({ metrics }) }, metrics })),
)
