import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { breaches } from '../../scripts/test-rules.ts'

const rules = suite('breaches')
// Put together here, so that this file keeps the rules that it tests.
const only = `a.${'only'}('x', () => {})`
const cases = [
  {
    name: 'accepts suites that all run',
    source: "const a = suite('a')\na.run()\nconst b = suite('b')\nb.run()\n",
    found: [],
  },
  { name: 'accepts a suite with a context', source: "const a = suite<{ n: number }>('a')\na.run()\n", found: [] },
  {
    name: 'finds the suite that never runs',
    source: "const a = suite('a')\nconst b = suite('b')\nb.run()\n",
    found: ['suite a lacks a.run()'],
  },
  { name: 'finds a file without any suite', source: "console.log('x')\n", found: ['has no suite'] },
  {
    name: "finds uvu's own suite that never runs",
    source: "import { test } from 'uvu'\ntest('x', () => {})\n",
    found: ['suite test lacks test.run()'],
  },
  {
    name: 'finds a suite in a loop',
    source: "for (;;) {\n  const a = suite('a')\n}\n",
    found: ['suite a lacks a.run()'],
  },
  { name: 'finds a singled-out test', source: `const a = suite('a')\n${only}\na.run()\n`, found: ['leaves .only in'] },
]
for (const { name, source, found } of cases) rules(name, () => assert.equal(breaches(source), found))
rules.run()
