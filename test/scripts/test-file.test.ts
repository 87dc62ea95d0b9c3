import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { judge, runTestFile } from '../../scripts/test-file.ts'

const summary = (total: number, passed: number, skipped: number) =>
  `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1ms\n`

const judging = suite('judge')
const cases = [
  { name: 'counts what passed', output: summary(3, 3, 0), exit: 0, passed: 3, failed: 0, skipped: 0 },
  {
    name: 'counts what failed and what was skipped',
    output: summary(3, 2, 4),
    exit: 1,
    passed: 2,
    failed: 1,
    skipped: 4,
  },
  { name: 'fails a file that ran no suite', output: '', exit: 0, passed: 0, failed: 1, skipped: 0 },
  { name: 'fails a file that ran an empty suite', output: summary(0, 0, 0), exit: 0, passed: 0, failed: 1, skipped: 0 },
  {
    name: 'fails a file that crashed after its tests',
    output: summary(2, 2, 0),
    exit: 7,
    passed: 2,
    failed: 1,
    skipped: 0,
  },
  {
    name: 'believes the last summary, not what a test printed before it',
    output: summary(9, 9, 9) + summary(1, 1, 0),
    exit: 0,
    passed: 1,
    failed: 0,
    skipped: 0,
  },
]
for (const { name, output, exit, passed, failed, skipped } of cases)
  judging(name, () => {
    const verdict = judge(output, exit)
    assert.equal([verdict.passed, verdict.failed, verdict.skipped], [passed, failed, skipped])
  })
judging.run()

const running = suite('runTestFile')
const folder = mkdtempSync(join(tmpdir(), 'fovea-test-file-'))
running.after(() => rmSync(folder, { recursive: true }))
running('ends a file that hangs, and what it started, and says so', async () => {
  writeFileSync(join(folder, 'hangs.mjs'), "console.log('begun')\nsetInterval(() => {}, 1000)\n")
  const result = await runTestFile('hangs.mjs', folder, 1_500)
  assert.is(result.failed, 1)
  assert.is(result.problem, 'did not end within 1.5 s')
  assert.is(result.output, 'begun\n')
})
running.run()
