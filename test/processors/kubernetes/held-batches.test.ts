import { setImmediate } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { HeldBatches } from '../../../src/processors/kubernetes/held-batches.ts'
import { createContext } from '../../support/create-context.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { Sink } from '../../support/sink.ts'

const test = suite('HeldBatches')

/** Held batches whose ends become known when `open` forgets them, at a time to be set. */
function made(maxFlows = 100) {
  const state = { nowMs: 0, early: 0, open: new Set<FlowBatch>() }
  const sink = new Sink()
  const held = new HeldBatches({
    waitMs: 1_000,
    maxFlows,
    name: (batch, waits) => waits && state.open.has(batch),
    next: sink,
    log: createContext('processor', 'kubernetes').log,
    early: {
      add: (n) => {
        state.early += n
      },
    },
    clock: () => state.nowMs,
  })
  const batches = [1, 2, 3].map((rows) => flowBatch(Array(rows).fill(TCP_SYN)))
  const passed = () => sink.batches.map((batch) => batches.indexOf(batch))
  return { state, held, batches, passed }
}

test('a batch that needs no news passes at once', () => {
  const { held, batches, passed } = made()
  assert.is(held.push(batches[0]!), undefined)
  assert.equal(passed(), [0])
})

test('what comes after a batch that waits goes on after it, in order', async () => {
  const { state, held, batches, passed } = made()
  state.open.add(batches[0]!)
  for (const batch of batches) void held.push(batch)
  held.retry()
  await Promise.resolve()
  assert.equal([passed(), held.flows], [[], 6])
  state.open.clear()
  held.retry()
  await setImmediate()
  assert.equal([passed(), held.flows], [[0, 1, 2], 0], 'before their time is over')
  await held.flush()
})

test('a batch goes on without news when its time is over', async () => {
  const { state, held, batches, passed } = made()
  state.open.add(batches[0]!)
  void held.push(batches[0]!)
  state.nowMs = 999
  held.retry()
  await setImmediate()
  assert.equal(passed(), [])
  state.nowMs = 1_000
  held.retry()
  await setImmediate()
  assert.equal(passed(), [0])
  await held.flush()
})

test('more flows than may wait push the oldest on, which is counted', async () => {
  const { state, held, batches, passed } = made(2)
  for (const batch of batches) state.open.add(batch)
  void held.push(batches[0]!)
  await held.push(batches[1]!)
  assert.equal([passed(), state.early], [[0], 1])
  await held.flush()
})

test('a batch that waits is held on to, and given back afterwards', async () => {
  const { state, held, batches } = made()
  const [batch] = batches
  state.open.add(batch!)
  void held.push(batch!)
  batch!.release() // its maker is done with it
  assert.ok(batch!.buffer.byteLength > 0)
  await held.flush()
  batch!.release() // the sink's
  assert.is(batch!.buffer.byteLength, 0)
})

test.run()
