import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decode } from '../../src/pipeline/config/decode.ts'
import { treeOf } from '../support/trees.ts'

const formats = suite('formats')

/** `value` is what code gets; `error` what the user is told. */
const cases: { format: unknown; default?: unknown; written: string; value?: unknown; error?: RegExp }[] = [
  { format: 'duration', written: '1m30s', value: 90_000 },
  { format: 'duration', written: '0', value: 0 },
  { format: 'duration', written: '5', error: /bad duration "5": the unit is missing, write for example "5s"$/ },
  { format: 'duration', written: '1.5', error: /the unit is missing/ },
  { format: 'duration', written: '"10"', error: /the unit is missing/ },
  { format: 'duration', written: '-1s', error: /must be non-negative/ },
  { format: 'duration', written: '720h', error: /must be 500h or less/ },
  { format: 'duration', written: 'true', error: /bad duration "true"/ },
  { format: 'duration', written: '[1s]', error: /expected a duration, got a list/ },
  { format: 'positive-duration', default: '1s', written: '0s', error: /must be greater than zero/ },
  { format: 'endpoint', default: 'a:1', written: '":8080"', value: ':8080' },
  { format: 'endpoint', default: 'a:1', written: '""', error: /missing port/ },
  { format: 'endpoint', default: '', written: '""', value: '' },
  { format: 'endpoint-or-none', default: 'a:1', written: '""', value: '' },
  { format: 'endpoint-or-none', default: 'a:1', written: '":8080"', value: ':8080' },
  { format: 'endpoint-or-none', default: 'a:1', written: 'a', error: /missing port/ },
  { format: 'endpoint', default: 'a:1', written: '8080', error: /expected host:port, got 8080/ },
  { format: 'grpc-target', default: '', written: 'https://a:1', value: 'https://a:1' },
  { format: 'grpc-target', default: '', written: 'dns:///a:1', value: 'dns:///a:1' },
  { format: 'grpc-target', default: '', written: 'unix:/run/x', value: 'unix:/run/x' },
  { format: 'grpc-target', default: '', written: 'http://a', error: /missing port/ },
  { format: 'percentage', written: '12.5', value: 12.5 },
  { format: 'percentage', written: '80%', value: 80 },
  { format: 'percentage', written: '101', error: /expected a percentage, 0 to 100, got 101/ },
  { format: 'file-mode', written: '0660', value: 0o660 },
  { format: 'file-mode', written: '"0o600"', value: 0o600 },
  { format: 'file-mode', written: '0999', error: /expected an octal file mode/ },
  { format: 'nat', written: '0', value: 0 },
  { format: 'nat', written: '-1', error: /expected an integer that is 0 or more, got -1/ },
  { format: 'nat', written: '"5"', error: /got "5"/ },
  { format: 'nat', written: '1.5', error: /got 1.5/ },
  { format: 'positive-int', default: 1, written: '0', error: /expected an integer greater than 0/ },
  { format: 'port', written: '65536', error: /expected a port, 0 to 65535, got 65536/ },
  { format: Number, written: '"12abc"', error: /expected a number, got "12abc"/ },
  { format: Boolean, default: false, written: '"no"', error: /expected true or false, got "no"/ },
  { format: Boolean, default: false, written: 'true', value: true },
  { format: String, default: '', written: '12', error: /expected a string, got 12/ },
  { format: ['a', 'b'], default: 'a', written: 'b', value: 'b' },
  { format: ['a', 'b'], default: 'a', written: 'c', error: /must be one of a, b, got "c"/ },
  { format: 'string-list', default: [], written: '[a, b]', value: ['a', 'b'] },
  { format: 'string-list', default: [], written: 'a,b', error: /expected a list, got the text "a,b"/ },
  { format: 'string-map', default: {}, written: '{a.b: c}', value: { 'a.b': 'c' } },
  { format: 'string-map', default: {}, written: '[{name: a, value: b}]', value: { a: 'b' } },
  { format: 'string-map', default: {}, written: '{a: 1}', error: /expected a map of strings/ },
  { format: 'string-map', default: {}, written: '{a: null}', error: /expected a map of strings/ },
  {
    format: 'string-map',
    default: {},
    written: '[{name: a}]',
    error: /expected a map of strings, or a list of \{name, value\}/,
  },
  { format: 'nullable-string-map', default: {}, written: '{a: null, b: c}', value: { a: null, b: 'c' } },
  { format: 'array', default: [], written: '[1, {a: 2}]', value: [1, { a: 2 }] },
  { format: 'object', default: {}, written: '{a: {b.c: [1]}}', value: { a: { 'b.c': [1] } } },
  { format: 'object', default: {}, written: '[1]', error: /expected a map, got a list/ },
]
for (const { format, default: standard = 0, written, value, error } of cases) {
  const name = typeof format === 'function' ? format.name : String(format)
  formats(`${name}: ${written} ${error === undefined ? 'is taken' : 'is refused'}`, () => {
    const spec = { schema: { x: { doc: '', format, default: standard } } }
    const { config, problems } = decode(spec, treeOf(`x: ${written}`), [])
    if (error === undefined) assert.equal([problems, (config as { x: unknown }).x], [[], value])
    else assert.match(problems.map((problem) => problem.message).join('\n'), error)
  })
}

formats('a secret is not repeated in what is said of it', () => {
  const spec = { schema: { token: { doc: '', format: 'port', default: 0, sensitive: true } } }
  const { problems } = decode(spec, treeOf('token: hunter2'), [])
  assert.is(problems[0]?.message, 'expected a port, 0 to 65535')
})

formats.run()
