import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PendingLoss } from '../../../src/exporters/hubble/pending-loss.ts'

const test = suite('pending loss')

test('losses are added up and told an interval after the first', () => {
  let now = 5_000
  const loss = new PendingLoss(1_000, () => now)
  assert.is(loss.dueInMs(), undefined)
  loss.add(3)
  now = 5_900
  loss.add(4)
  assert.is(loss.take(false), undefined)
  assert.is(loss.dueInMs(), 100)
  now = 6_000
  assert.equal(loss.take(false), { count: 7, firstMs: 5_000, lastMs: 5_900 })
  assert.is(loss.take(true), undefined)
})

test('at the end they are told at once', () => {
  const loss = new PendingLoss(1_000, () => 0)
  loss.add(1)
  assert.is(loss.take(true)?.count, 1)
})

test.run()
