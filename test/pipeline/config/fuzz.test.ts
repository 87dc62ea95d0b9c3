import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadTree } from '../../../src/pipeline/config/load.ts'
import { ConfigError, formatProblem } from '../../../src/pipeline/config/problem.ts'
import { resolveConfig } from '../../../src/pipeline/config/resolve.ts'
import { testCatalog } from '../../support/test-catalog.ts'
import { surroundingsOf } from '../../support/trees.ts'

const fuzz = suite('any document')

const catalog = testCatalog()

/** Keys and values that mean something somewhere, in places where they do not. */
const words = fc.constantFrom(
  ...['receivers', 'exporters', 'connectors', 'service', 'pipelines', 'flows', 'metrics', 'in', 'out', 'many', 'grpc'],
  ...['bridge', 'tls', 'socket', 'enabled', 'headers', 'anything', 'names', 'interval', 'telemetry', 'logs', 'readers'],
  ...[
    'a.b',
    'a::b',
    '__proto__',
    'constructor',
    'prototype',
    '_cvtProperties',
    'default',
    'format',
    '<<',
    '',
    '5',
    '10s',
  ],
)
const document = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    words,
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('map'),
  ),
  map: fc.dictionary(words, tie('value'), { maxKeys: 6 }),
})).map

async function outcome(text: string): Promise<string> {
  try {
    await resolveConfig(loadTree({ configs: ['env:DOC'], sets: [] }, surroundingsOf({ DOC: text })).tree, catalog)
    return 'good'
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) assert.ok(formatProblem(problem).length > 0)
    return 'bad'
  }
}

fuzz('is good or has problems, whatever stands where', async () => {
  await fc.assert(
    fc.asyncProperty(document, async (map) => void (await outcome(JSON.stringify(map)))),
    { numRuns: 500 },
  )
})

fuzz('is good or has problems, whatever its settings are', async () => {
  await fc.assert(
    fc.asyncProperty(document, document, async (many, service) => {
      const text = JSON.stringify({ receivers: { in: many }, exporters: { many, grpc: many, out: null }, service })
      await outcome(text)
    }),
    { numRuns: 500 },
  )
})

fuzz('is good or has problems, whatever text it is', async () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab: \n-[]{}&*!|>\'"%@`#?,$0'.split('')), maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(text, async (document) => void (await outcome(document))),
    { numRuns: 1_000 },
  )
})

fuzz.run()
