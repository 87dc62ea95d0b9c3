import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Status } from '../../src/pipeline/component.ts'
import { StatusTracker } from '../../src/pipeline/status.ts'

const status = suite('StatusTracker')

const error = new Error('x')
const of = (at: string): Status => (at.endsWith('error') ? { at, error } : { at }) as Status

const cases: { name: string; reports: string[]; heard: string[] }[] = [
  {
    name: 'a life without faults',
    reports: ['starting', 'ok', 'stopping', 'stopped'],
    heard: ['ok', 'stopping', 'stopped'],
  },
  {
    name: 'a passing fault comes and goes, each repeated',
    reports: ['ok', 'recoverable_error', 'recoverable_error', 'ok', 'ok'],
    heard: ['ok', 'recoverable_error', 'recoverable_error', 'ok', 'ok'],
  },
  {
    name: 'a permanent fault leads only to the end',
    reports: ['permanent_error', 'ok', 'permanent_error', 'fatal_error', 'stopping', 'stopped'],
    heard: ['permanent_error', 'stopping', 'stopped'],
  },
  { name: 'a fatal fault is the end', reports: ['ok', 'fatal_error', 'ok', 'stopping'], heard: ['ok', 'fatal_error'] },
  {
    name: 'what stopped stays so',
    reports: ['stopping', 'ok', 'stopped', 'ok', 'starting'],
    heard: ['stopping', 'stopped'],
  },
]
for (const { name, reports, heard } of cases) {
  status(name, () => {
    const told: string[] = []
    const tracker = new StatusTracker({ id: 'a', kind: 'receiver', pipelines: [] }, (view) => told.push(view.status.at))
    for (const at of reports) tracker.report(of(at))
    assert.equal(told, heard)
  })
}

status('the time is that of the last change, not of a repetition', () => {
  let nowMs = 1
  const tracker = new StatusTracker(
    { id: 'a', kind: 'receiver', pipelines: [] },
    () => {},
    () => nowMs,
  )
  nowMs = 2
  tracker.report({ at: 'ok' })
  nowMs = 3
  tracker.report({ at: 'ok' })
  assert.is(tracker.view.sinceMs, 2)
})

status.run()
