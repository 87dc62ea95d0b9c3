// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Locations, loadTree } from '../../../src/pipeline/config/load.ts'
import { ConfigError } from '../../../src/pipeline/config/problem.ts'
import { plainValue } from '../../../src/pipeline/config/tree.ts'
import { surroundingsOf } from '../../support/trees.ts'

const loading = suite('loadTree')

const surroundings = surroundingsOf(
  { CONFIG: 'receivers: {nop: }', PORT: '4317' },
  {
    'a.yaml': 'exporters:\n  otlp:\n    endpoint: a:1\n    retry: [1, 2]\n',
    'b.yaml': 'exporters:\n  otlp:\n    endpoint: "b:${PORT}"\n',
    'C:\\x.yaml': 'receivers: {pcap: }',
    'empty.yaml': '# nothing\n',
    'broken.yaml': 'a: @x\nb: 1\n',
    'twice.yaml': 'receivers: {a: }\nreceivers: {b: }\n',
    'twice-without-value.yaml': 'receivers:\n  nop:\n  nop:\n',
    'anchors.yaml': 'receivers: &r {a: {x: 1}}\nexporters:\n  <<: *r\n  b: 2\n',
  },
)

const load = (configs: string[], sets: string[] = []) => plainValue(loadTree({ configs, sets }, surroundings).tree)

const cases: { name: string; locations: Locations; result: unknown }[] = [
  {
    name: 'several files merge in the order of the command line',
    locations: { configs: ['a.yaml', 'file:b.yaml'], sets: [] },
    result: { exporters: { otlp: { endpoint: 'b:4317', retry: [1, 2] } } },
  },
  {
    name: 'a document may come from a variable',
    locations: { configs: ['env:CONFIG'], sets: [] },
    result: { receivers: { nop: null } },
  },
  {
    name: 'a document may stand on the command line, with :: between keys',
    locations: { configs: ['yaml:receivers::batch::timeout: 2s'], sets: [] },
    result: { receivers: { batch: { timeout: '2s' } } },
  },
  {
    name: 'a drive letter is no scheme',
    locations: { configs: ['C:\\x.yaml'], sets: [] },
    result: { receivers: { pcap: null } },
  },
  {
    name: '--set comes after every --config and makes what is not there',
    locations: {
      configs: ['a.yaml'],
      sets: ['exporters.otlp.endpoint=c:3', 'service.workers=2', 'exporters.otlp.retry=[9]'],
    },
    result: { exporters: { otlp: { endpoint: 'c:3', retry: [9] } }, service: { workers: 2 } },
  },
  {
    name: '--set with :: reaches keys that hold dots',
    locations: { configs: ['env:CONFIG'], sets: ['receivers::nop::headers::a.b=x'] },
    result: { receivers: { nop: { headers: { 'a.b': 'x' } } } },
  },
  {
    name: '--set is expanded and split at the first =',
    locations: { configs: ['env:CONFIG'], sets: ['receivers.nop.query=a=${PORT}'] },
    result: { receivers: { nop: { query: 'a=4317' } } },
  },
  {
    name: 'anchors and merge keys work; what the map itself says wins',
    locations: { configs: ['anchors.yaml'], sets: [] },
    result: { receivers: { a: { x: 1 } }, exporters: { a: { x: 1 }, b: 2 } },
  },
]
for (const { name, locations, result } of cases) {
  loading(name, () => assert.equal(plainValue(loadTree(locations, surroundings).tree), result))
}

loading('only files are to be watched', () => {
  const { files } = loadTree({ configs: ['a.yaml', 'env:CONFIG', 'file:b.yaml'], sets: ['x=1'] }, surroundings)
  assert.equal(files, ['a.yaml', 'b.yaml'])
})

const failures: { name: string; configs: string[]; sets?: string[]; message: RegExp }[] = [
  { name: 'no --config', configs: [], message: /^at least one config flag must be provided/ },
  { name: 'an unknown scheme', configs: ['s3:foo'], message: /^unsupported scheme on URI "s3:foo"/ },
  {
    name: 'a --set without =',
    configs: ['a.yaml'],
    sets: ['foo'],
    message: /^invalid argument "foo" for "--set" flag: missing equal sign$/,
  },
  { name: 'an empty document', configs: ['empty.yaml'], message: /^empty configuration file \(empty.yaml:1:1\)$/ },
  {
    name: 'a missing file',
    configs: ['x.yaml'],
    message:
      /^cannot retrieve the configuration: unable to read the file file:x.yaml: open x.yaml: no such file or directory$/,
  },
  {
    name: 'all problems of all documents at once',
    configs: ['broken.yaml', 'twice.yaml'],
    message:
      /^not valid YAML: .* \(broken.yaml:1:4\)\nthe key "receivers" stands twice in this map \(twice.yaml:2:1\)$/,
  },
  {
    name: 'the same key after one without value',
    configs: ['twice-without-value.yaml'],
    message: /^the key "nop" stands twice in this map \(twice-without-value.yaml:3:3\)$/,
  },
  {
    name: 'an unset variable as document',
    configs: ['env:NONE'],
    message: /the environment variable "NONE" is not set/,
  },
]
for (const { name, configs, sets = [], message } of failures) {
  loading(`${name} is an error`, () =>
    assert.throws(
      () => load(configs, sets),
      (error: Error) => message.test(error.message),
    ),
  )
}

loading('a few lines that stand for millions of values are refused', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`)
  const bomb = surroundingsOf({ BOMB: `a0: &a0 [x]\n${levels.join('\n')}` })
  assert.throws(() => loadTree({ configs: ['env:BOMB'], sets: [] }, bomb), /more than 100000 values, aliases counted/)
})

loading('an alias of itself is refused', () => {
  const loop = surroundingsOf({ LOOP: 'a: &a [*a]' })
  assert.throws(
    () => loadTree({ configs: ['env:LOOP'], sets: [] }, loop),
    (error: unknown) => error instanceof ConfigError,
  )
})

loading.run()
