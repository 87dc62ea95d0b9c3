import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable, endpoint, UNKNOWN_ENDPOINT } from '../../src/flow/endpoint.ts'
import { KeptBatch } from '../../src/flow/kept-batch.ts'

const test = suite('EndpointTable')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is not held on to is gone afterwards: a weak reference that was asked stays until the end of its turn. */
async function collected(): Promise<void> {
  await setImmediate()
  collect()
}

/** A batch whose ids were written now. */
function named(table: EndpointTable): FlowBatch {
  const batch = FlowBatch.allocate(1)
  batch.epoch = table.epoch
  return batch
}

test('a retired id stays as long as a batch that may name it, and is another’s afterwards', async () => {
  const table = new EndpointTable()
  const id = table.add(endpoint({ podName: 'old' }))
  const kept: FlowBatch[] = [named(table)]
  table.retire(id)
  table.reclaim()
  await collected()
  table.reclaim()
  assert.equal([table.get(id).podName, table.waiting], ['old', 1])
  kept.pop()
  await collected()
  table.reclaim()
  assert.equal([table.waiting, table.add(endpoint({ podName: 'new' }))], [0, id])
})

test('copies and selections of a batch, and batches named before the retirement, keep it', async () => {
  const table = new EndpointTable()
  const [first, second] = [table.add(endpoint({ podName: 'a' })), table.add(endpoint({ podName: 'b' }))]
  const kept: FlowBatch[] = [named(table).copy()]
  table.retire(first)
  table.reclaim()
  table.retire(second)
  table.reclaim()
  await collected()
  table.reclaim()
  // The batch is of the first epoch; an id retired later may be in it as well.
  assert.equal([table.get(first).podName, table.get(second).podName], ['a', 'b'])
  kept[0] = new FlowBatch({
    ...FlowBatch.allocate(2),
    buffer: FlowBatch.allocate(2).buffer,
    l7: kept[0]!.l7.parts,
    epoch: table.epoch,
  }).select(Uint8Array.of(1, 0))
  await collected()
  table.reclaim()
  assert.is(table.waiting, 0)
  assert.is(kept[0]?.epoch, table.epoch)
})

test('an id is current until what it stands for is gone or has changed, and again as another endpoint’s', async () => {
  const table = new EndpointTable()
  const ids = ['a', 'b', 'c'].map((podName) => table.add(endpoint({ podName })))
  table.depart(ids[0]!)
  table.retire(ids[1]!)
  for (const reserved of [0, 1, 2]) table.depart(reserved)
  const current = () => [0, 1, 2, ...ids, 1_000].map((id) => table.isCurrent(id))
  assert.equal(current(), [true, true, true, false, false, true, false])
  assert.is(table.get(ids[0]!).podName, 'a')
  table.reclaim()
  await collected()
  table.reclaim()
  assert.is(table.add(endpoint({ podName: 'd' })), ids[1])
  assert.equal(current(), [true, true, true, false, true, true, false])
})

for (const rows of [1, 1_000]) {
  test(`a batch of ${rows} rows that an exporter keeps holds on to its ids until it is forgotten`, async () => {
    const table = new EndpointTable()
    const id = table.add(endpoint({ podName: 'old' }))
    const keep = () => {
      const batch = FlowBatch.allocate(rows)
      batch.epoch = table.epoch
      return new KeptBatch(batch)
    }
    const kept: KeptBatch[] = [keep()]
    table.retire(id)
    for (let i = 0; i < 3; i++) {
      table.reclaim()
      await collected()
    }
    assert.equal([table.get(id).podName, table.waiting], ['old', 1])
    assert.is(kept[0]?.batch.length, rows)
    kept.pop()?.release()
    await collected()
    table.reclaim()
    assert.is(table.waiting, 0)
  })
}

test('watchers are told of an id while it still is the old endpoint’s', async () => {
  const table = new EndpointTable()
  const told: string[] = []
  const end = table.watchRemovals((id) => told.push(table.get(id).podName))
  for (const podName of ['a', 'b']) table.retire(table.add(endpoint({ podName })))
  table.reclaim()
  await collected()
  table.reclaim()
  assert.equal(told, ['a', 'b'])
  end()
})

test('a full table refuses, and counts it; reserved ids are never retired', () => {
  const table = new EndpointTable(4)
  assert.is(table.add(endpoint({})), 3)
  assert.is(table.add(endpoint({})), UNKNOWN_ENDPOINT)
  assert.is(table.refused, 1)
  table.retire(1)
  assert.is(table.waiting, 0)
})

test.run()
