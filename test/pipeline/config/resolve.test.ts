import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConfigError } from '../../../src/pipeline/config/problem.ts'
import { resolveConfig } from '../../../src/pipeline/config/resolve.ts'
import type { ComponentConfig } from '../../../src/pipeline/config/resolved.ts'
import { testCatalog } from '../../support/test-catalog.ts'
import { treeOf } from '../../support/trees.ts'

const resolving = suite('resolveConfig')

const FIXTURES = join(import.meta.dirname, 'fixtures')
const catalog = testCatalog()

async function messageOf(text: string): Promise<string> {
  try {
    await resolveConfig(treeOf(text, 'bad.yaml'), catalog)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

/** `UPDATE_GOLDEN=1 node test/pipeline/config/resolve.test.ts` writes the file anew. */
resolving('everything wrong is told together, sorted by place, with path and likely right word', async () => {
  const golden = join(FIXTURES, 'bad.txt')
  const message = await messageOf(readFileSync(join(FIXTURES, 'bad.yaml'), 'utf8'))
  if (process.env.UPDATE_GOLDEN) writeFileSync(golden, `${message}\n`)
  assert.equal(message.split('\n'), readFileSync(golden, 'utf8').trimEnd().split('\n'))
})

const MINIMAL =
  'receivers: {in: }\nexporters: {out: }\nservice: {pipelines: {flows: {receivers: [in], exporters: [out]}}}\n'

const cases: { name: string; text: string; message: string }[] = [
  { name: 'a whole configuration of defaults is good', text: MINIMAL, message: '' },
  {
    name: 'the own log goes through an exporter that is configured',
    text: MINIMAL.replace('service: {', 'service: {telemetry: {logs: {exporter: otlp}}, '),
    message: 'service::telemetry::logs::exporter: references exporter "otlp" which is not configured (bad.yaml:3:40)',
  },
  {
    name: 'the own log goes through an exporter that takes it',
    text: MINIMAL.replace('service: {', 'service: {telemetry: {logs: {exporter: out}}, '),
    message:
      'service::telemetry::logs::exporter: must name an otlp_grpc exporter, "out" is of type out (bad.yaml:3:40)',
  },
  {
    name: 'an empty map has no receivers, exporters and pipelines',
    text: '{}',
    message: [
      'no receiver configuration specified in config (bad.yaml:1:1)',
      'no exporter configuration specified in config (bad.yaml:1:1)',
      'service::pipelines: service must have at least one pipeline (bad.yaml:1:1)',
    ].join('\n'),
  },
  {
    name: 'a document must be a map',
    text: '[1]',
    message: [
      'expected a map, got a list (bad.yaml:1:1)',
      'no receiver configuration specified in config (bad.yaml:1:1)',
      'no exporter configuration specified in config (bad.yaml:1:1)',
      'service::pipelines: service must have at least one pipeline (bad.yaml:1:1)',
    ].join('\n'),
  },
  {
    name: 'a section must be a map',
    text: MINIMAL.replace('{in: }', '[in]'),
    message: [
      'receivers: expected a map, got a list (bad.yaml:1:12)',
      'service::pipelines::flows: references receiver "in" which is not configured (bad.yaml:3:43)',
    ].join('\n'),
  },
  {
    name: 'a pipeline without anything lacks both ends',
    text: MINIMAL.replace('{receivers: [in], exporters: [out]}', ''),
    message: [
      'service::pipelines::flows: must have at least one receiver (bad.yaml:3:30)',
      'service::pipelines::flows: must have at least one exporter (bad.yaml:3:30)',
    ].join('\n'),
  },
  {
    name: 'a wiped section is told by its references',
    text: `${MINIMAL}processors:\n`.replace('[in], exp', '[in], processors: [step], exp'),
    message: 'service::pipelines::flows: references processor "step" which is not configured (bad.yaml:3:61)',
  },
  {
    name: 'two connectors can make a cycle',
    text: [
      'receivers: {in: }',
      'connectors: {bridge: , bridge/2: }',
      'service:',
      '  pipelines:',
      '    flows/a: {receivers: [in, bridge/2], exporters: [bridge]}',
      '    flows/b: {receivers: [bridge], exporters: [bridge/2]}',
    ].join('\n'),
    message:
      'service::pipelines: cycle detected: connector "bridge" (flows to flows) -> connector "bridge/2" (flows to flows) -> connector "bridge" (flows to flows) (bad.yaml:5:54)',
  },
]
for (const { name, text, message } of cases) {
  resolving(name, async () => assert.equal((await messageOf(text)).split('\n'), message.split('\n')))
}

resolving('defaults are filled in and sections are switched on by their presence', async () => {
  const text = `${MINIMAL.replace('{out: }', '{out: , many: , many/on: {socket: , tls: {enabled: false}}}')}`
  const { components } = await resolveConfig(treeOf(text), catalog)
  const [off, on] = ['many', 'many/on'].map((id) => components.exporter.get(id)?.config) as Record<string, unknown>[]
  assert.is(off?.interval, 10_000)
  assert.equal(off?.socket, { enabled: false, path: '', mode: 0o660 })
  assert.equal(on?.socket, { enabled: true, path: '', mode: 0o660 })
  assert.equal(on?.tls, { ...(off?.tls as object), enabled: false })
})

resolving('keys with dots reach free-form settings as they are', async () => {
  const text = MINIMAL.replace(
    '{out: }',
    '{out: , grpc: {endpoint: "a:1", headers: {a.b: c, x-y: "1"}}, many: {anything: {a.b: {c.d: [1]}}}}',
  )
  const { components } = await resolveConfig(treeOf(text), catalog)
  assert.equal(setting(components.exporter.get('grpc'), 'headers'), { 'a.b': 'c', 'x-y': '1' })
  assert.equal(setting(components.exporter.get('many'), 'anything'), { 'a.b': { 'c.d': [1] } })
})

resolving('headers may be a list of names and values', async () => {
  const text = MINIMAL.replace('{out: }', '{out: , grpc: {endpoint: "a:1", headers: [{name: a.b, value: c}]}}')
  const { components } = await resolveConfig(treeOf(text), catalog)
  assert.equal(setting(components.exporter.get('grpc'), 'headers'), { 'a.b': 'c' })
})

resolving('a key of an object prototype is unknown like any other', async () => {
  const message = await messageOf(
    MINIMAL.replace('{in: }', '{in: {constructor: {prototype: {x: 1}}, __proto__: {y: 1}}}'),
  )
  assert.match(message, /receivers::in: unknown key "constructor"/)
  assert.match(message, /receivers::in: unknown key "__proto__"/)
})

resolving('an alias stands for its type and is remembered', async () => {
  const { components } = await resolveConfig(treeOf(MINIMAL.replaceAll('out', 'old_out')), catalog)
  const component = components.exporter.get('old_out')
  assert.equal([component?.type, component?.alias], ['out', 'old_out'])
})

resolving('receivers and exporters named twice count once', async () => {
  const { pipelines } = await resolveConfig(
    treeOf(MINIMAL.replace('[in]', '[in, in]').replace('[out]', '[out, out]')),
    catalog,
  )
  assert.equal([pipelines[0]?.receivers, pipelines[0]?.exporters], [['in'], ['out']])
})

function setting(component: ComponentConfig | undefined, name: string): unknown {
  return (component as { config: Record<string, unknown> } | undefined)?.config[name]
}

resolving.run()
