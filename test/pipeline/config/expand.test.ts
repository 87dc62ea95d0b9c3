// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decode } from '../../../src/pipeline/config/decode.ts'
import { expand } from '../../../src/pipeline/config/expand.ts'
import { plainValue } from '../../../src/pipeline/config/tree.ts'
import { surroundingsOf, treeOf } from '../../support/trees.ts'

const expansion = suite('expand')

const ENV = {
  FOO: 'bar',
  NUM: '0123',
  N1: '10',
  LIST: '[nop]',
  MAP: '{a: 1}',
  DOL: 'a$b',
  NEST: '${env:FOO}',
  EMPTY: '',
  SELF: '${env:SELF}',
  INNER: '[x, "${env:FOO}", {y: "$${z}"}]',
  TEXTS: '{a: x, b: "${env:NUM}"}',
  BAD: 'a: b: c',
  QUOTED: '"quoted"',
}
const surroundings = surroundingsOf(ENV, { tok: 'tok2\n', two: 'a\n\n', crlf: 'b\r\n' })

const spec = {
  schema: {
    text: { doc: '', format: String, default: 'unset' },
    int: { doc: '', format: 'int', default: -1 },
    list: { doc: '', format: 'string-list', default: [] },
    wait: { doc: '', format: 'duration', default: '1s' },
    map: { doc: '', format: 'string-map', default: {} },
  },
}

/** Setting `name` after `written` went through expansion and decoding. */
function decoded(name: keyof typeof spec.schema, written: string): unknown {
  const { tree, problems } = expand(treeOf(`${name}: ${written}`), surroundings)
  assert.equal(problems, [])
  const result = decode(spec, tree, ['receivers', 'x'])
  assert.equal(
    result.problems.map((problem) => problem.message),
    [],
  )
  return (result.config as Record<string, unknown>)[name]
}

// The table of the Collector, target a string setting.
const texts: [written: string, result: string][] = [
  ['${env:FOO}', 'bar'],
  ['${FOO}', 'bar'],
  ['$FOO', '$FOO'],
  ['${env:UNS:-dflt}', 'dflt'],
  ['${UNS:-dflt}', 'dflt'],
  ['${env:UNS:-http://a:1/b}', 'http://a:1/b'],
  ['${env:UNS:-}', ''],
  ['${env:UNS}', ''],
  ['x${env:EMPTY:-dd}x', 'xx'],
  ['${env:EMPTY:-dd}', ''],
  ['${env:UNS:-${env:FOO}}', 'bar'],
  ['${env:UNS:-${env:UNS2:-deep}}', 'deep'],
  ['${env:NEST}', 'bar'],
  ['<${env:NEST}>', '<bar>'],
  ['${env:DOL}', 'a$b'],
  ['$${env:FOO}', '${env:FOO}'],
  ['pa$$word', 'pa$word'],
  ['$$$$', '$$'],
  ['$$${env:FOO}', '$bar'],
  ['$${env:FOO} ${env:FOO}', '${env:FOO} bar'],
  ['${env:NUM}', '0123'],
  ['pre-${env:NUM}-post', 'pre-0123-post'],
  ['"${env:MAP}"', '{a: 1}'],
  ['x-${env:MAP}', 'x-{a: 1}'],
  ['${file:tok}', 'tok2'],
  ['a${file:tok}b', 'atok2b'],
  ['"${file:two}"', 'a\n'],
  ['${file:crlf}', 'b'],
  ['${yaml:hello}', 'hello'],
  ['${', '${'],
  ['$', '$'],
  ['${env:FOO', '${env:FOO'],
  ['"}${env:FOO}{"', '}bar{'],
  ['${env:BAD}', 'a: b: c'],
  ['${env:QUOTED}', '"quoted"'],
]
for (const [written, result] of texts) {
  expansion(`${written} becomes ${JSON.stringify(result)}`, () => assert.is(decoded('text', written), result))
}

expansion('a number from a variable fits a number', () => assert.is(decoded('int', '"${env:N1}"'), 10))
expansion('a duration from a variable is read as a duration', () => assert.is(decoded('wait', '${UNS:-250ms}'), 250))
expansion('a list from a variable fits a list', () => assert.equal(decoded('list', '"${env:LIST}"'), ['nop']))
expansion('a map from a variable fits a map, its numbers as the text they were', () =>
  assert.equal(decoded('map', '${env:TEXTS}'), { a: 'x', b: '0123' }),
)

expansion('what a variable says is expanded again, inside of lists and maps too', () => {
  const { tree } = expand(treeOf('v: ${env:INNER}'), surroundings)
  assert.equal(plainValue(tree), { v: ['x', 'bar', { y: '${z}' }] })
})

const errors: [written: string, message: string][] = [
  ['${env:1X}', 'environment variable "1X" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$'],
  ['${env:A-B}', 'environment variable "A-B" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$'],
  ['${X Y}', 'environment variable "X Y" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$'],
  ['${}', 'environment variable "" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$'],
  ['${nosch:xx}', 'scheme "nosch" is not supported for uri "nosch:xx" (valid schemes: env, file, yaml)'],
  ['${env:A$B}', 'the uri "env:A$B" contains unsupported characters (\'$\')'],
  ['${file:/nosuch}', 'unable to read the file file:/nosuch: open /nosuch: no such file or directory'],
  ['${env:SELF}', 'too many recursive expansions'],
]
for (const [written, message] of errors) {
  expansion(`${written} is reported with its place`, () => {
    const { problems } = expand(treeOf(`a:\n  b: [x, "${written}"]`), surroundings)
    assert.equal(
      problems.map((problem) => [problem.path, problem.message, problem.place?.line, problem.place?.column]),
      [[['a', 'b', '1'], message, 2, 10]],
    )
  })
}

expansion('an unset variable without a default is told with its place', () => {
  const { unset } = expand(treeOf('a: 1\nb: x${env:UNS}${env:UNS3:-}'), surroundings)
  assert.equal(
    unset.map(({ name, place }) => [name, place.line]),
    [['UNS', 2]],
  )
})

expansion('keys are not expanded', () => {
  const { tree } = expand(treeOf('${env:FOO}: 1'), surroundings)
  assert.equal(plainValue(tree), { '${env:FOO}': 1 })
})

expansion('any text comes back when every $ of it is doubled', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', ':', '-', ' ') }), (text) => {
      const written = JSON.stringify(text.replaceAll('$', () => '$$'))
      const { tree, problems } = expand(treeOf(`v: ${written}`), surroundings)
      assert.equal(problems, [])
      assert.equal(plainValue(tree), { v: text })
    }),
  )
})

expansion('a variable of any content reaches a string setting as it is', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      fc.pre(!value.includes('$'))
      const { tree } = expand(treeOf('text: ${env:V}'), surroundingsOf({ V: value }))
      assert.is((decode(spec, tree, []).config as { text: string }).text, value)
    }),
  )
})

expansion('no document makes expansion throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'e', 'n', 'v', ':', 'F', 'O', '-') }), (text) => {
      expand(treeOf(`v: ${JSON.stringify(text)}`), surroundings)
    }),
  )
})

expansion.run()
