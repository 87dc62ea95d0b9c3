import fc from 'fast-check'
import { messageFields } from '../../src/hubble/definition.ts'
import { flowFilter, RARELY } from './generated-filters.ts'
import { FIRST_MS } from './generated-flows.ts'

/** `GetFlowsRequest`s at random: every filter field, every position, masks; a few of all values are malformed. */

/** Paths below `flow.Flow` to the depth of three, and wrong ones. */
const PATHS = [...paths('flow.Flow', 3)].filter((path) => !path.startsWith('extensions.'))
const BAD_PATHS = [
  '',
  'nothing',
  'source.pod',
  'time.',
  '.time',
  'Time',
  'ip',
  'source.labels.x',
  'source..pod_name',
  'time,verdict',
]

function* paths(type: string, depth: number): Generator<string> {
  for (const { name, type: kind, typeName, repeated } of messageFields(type)) {
    yield name
    if (depth === 1 || repeated || kind !== 'TYPE_MESSAGE' || typeName.startsWith('google.')) continue
    for (const below of paths(`flow.${typeName}`, depth - 1)) yield `${name}.${below}`
  }
}

const mask = fc
  .array(
    fc.oneof(
      { weight: RARELY, arbitrary: fc.constantFrom(...PATHS) },
      { weight: 1, arbitrary: fc.constantFrom(...BAD_PATHS) },
    ),
    {
      maxLength: 6,
    },
  )
  .map((paths) => ({ paths }))

/** Times around those of the flows, and ones that the protocol does not have. */
function time(lastMs: number): fc.Arbitrary<object> {
  const good = fc.integer({ min: FIRST_MS - 2_000, max: lastMs + 2_000 }).map((ms) => {
    const seconds = Math.floor(ms / 1_000)
    return { seconds, nanos: (ms - 1_000 * seconds) * 1_000_000 }
  })
  const bad = [
    { seconds: 1, nanos: -1 },
    { seconds: 1, nanos: 1_000_000_000 },
    { seconds: -62_135_596_801 },
    { seconds: 253_402_300_800, nanos: 5 },
  ]
  return fc.oneof({ weight: RARELY, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(...bad, {}) })
}

export interface RequestPool {
  uuids: readonly string[]
  /** Unix milliseconds of the last flow. */
  lastMs: number
  /** Fields of `flow.FlowFilter` that are asked for. */
  fields: readonly string[]
}

/** A request without `follow`, which has no end; with `first` it is refused. */
export function flowsRequest({ uuids, lastMs, fields: tested }: RequestPool): fc.Arbitrary<object> {
  const filters = fc.array(flowFilter(uuids, tested), { maxLength: 2 })
  const sometimes = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
  return fc
    .record({
      number: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 }), fc.constantFrom(150, 2 ** 53)),
      first: fc.boolean(),
      whitelist: filters,
      blacklist: sometimes(filters),
      since: sometimes(time(lastMs)),
      until: sometimes(time(lastMs)),
      field_mask: sometimes(mask),
      both: fc.integer({ min: 0, max: 99 }),
    })
    .map(({ both, ...request }) => ({
      ...Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)),
      ...(both === 0 ? { first: true, follow: true } : {}),
    }))
}
