import fc from 'fast-check'
import { RE2JS } from 're2js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rowsAtATime } from '../../../src/hubble/filters/compile.ts'
import { Selectors } from '../../../src/hubble/filters/label-selector.ts'
import { regexpSize } from '../../../src/hubble/filters/regexp-size.ts'
import { Regexps } from '../../../src/hubble/filters/regexps.ts'

const test = suite('limits of what a request may ask for')

test('all selectors of a list of filters share limits', () => {
  const parse = (count: number, text: string) => {
    const selectors = new Selectors()
    for (let i = 0; i < count; i++) selectors.parse(text)
  }
  parse(4_096, 'a=b')
  assert.throws(() => parse(4_097, 'a=b'), /^too large label selectors: together they may have 8192 keys and values$/)
  assert.throws(() => parse(5, `${'a,'.repeat(2_000)}a`), /too large label selectors/)
  const long = `a in (${'b,'.repeat(2_040)})`
  parse(64, long)
  assert.throws(() => parse(65, long), /^label selectors may have 262144 characters together$/)
})

test('what would make a program of a gigabyte is not compiled', () => {
  const compile = RE2JS.compile
  try {
    RE2JS.compile = () => {
      throw new Error('compiled')
    }
    for (const pattern of ['a{1000}'.repeat(585), `(?i)${'[a-\\x{10FFFF}]'.repeat(250)}`, '\\pL'.repeat(1_000)])
      assert.throws(() => new Regexps().compile(pattern), /^too large regular expressions/)
  } finally {
    RE2JS.compile = compile
  }
})

const atom = fc.constantFrom(
  'a',
  '.',
  '\\d',
  '[a-z]',
  '[]x]',
  '[^\\]]',
  '\\x{61}',
  '\\{',
  'é',
  '[[:alpha:]]',
  '\\Qa{9}\\E',
  'ab',
)
const expression = fc.letrec<{ part: string; all: string }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small' },
    atom,
    fc.tuple(fc.constantFrom('(', '(?:', '(?i:', '(?P<n>'), tie('all')).map(([open, text]) => `${open}${text})`),
    fc.tuple(atom, fc.constantFrom('*', '+?', '?', '{2}', '{0,7}', '{3,}', '{20}')).map((pair) => pair.join('')),
  ),
  all: fc.array(tie('part'), { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
})).all

test('a guess of the size is not more than twice the size, nor less than a third of it', () => {
  fc.assert(
    fc.property(expression, fc.integer({ min: 1, max: 30 }), (text, times) => {
      const pattern = `(?:${text.replaceAll('?P<n>', '')}){${times}}`
      const [guess, size] = [regexpSize(pattern), RE2JS.compile(pattern).programSize()]
      assert.ok(guess / 2 <= size && size <= 3 * guess + 10, `${pattern}: ${guess} for ${size}`)
    }),
    { numRuns: 1_000 },
  )
})

test('the more values a request has, the fewer flows are looked at before others have their turn', () => {
  const pods = (count: number) => ({ source_pod: Array.from({ length: count }, (_, i) => `a/${i}`) })
  const rows = [[], [pods(10)], [pods(200)], [pods(2_000), pods(2_000)], [{ dns_query: ['a'] }]].map(rowsAtATime)
  assert.equal(rows, [1_024, 1_024, 163, 32, 32])
})

test.run()
