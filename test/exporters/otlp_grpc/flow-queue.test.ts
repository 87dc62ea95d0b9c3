import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowQueue } from '../../../src/exporters/otlp_grpc/flow-queue.ts'
import { FlowBatch } from '../../../src/flow/batch.ts'

/** A batch whose rows are numbered from `first`. */
function numbered(first: number, length: number): FlowBatch {
  const batch = FlowBatch.allocate(length)
  for (let i = 0; i < length; i++) batch.columns.bytes[i] = first + i
  return batch
}

function taken(queue: FlowQueue, most: number): number[] {
  const rows: number[] = []
  queue.take(most, (batch, row) => rows.push(batch.columns.bytes[row]!))
  return rows
}

const queueing = suite('FlowQueue')

queueing('takes what fits of a batch, and nothing when it is full', () => {
  const queue = new FlowQueue(10)
  assert.is(queue.push(numbered(0, 8), 0), 8)
  assert.is(queue.push(numbered(8, 8), 0), 2)
  assert.is(queue.push(numbered(16, 8), 0), 0)
  assert.equal(taken(queue, 100), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

queueing('flows that trickle in, one to a batch, cost little more than their columns', () => {
  const queue = new FlowQueue(1_000)
  for (let i = 0; i < 1_000; i++) {
    // What a decoder leaves: room behind the rows; the maker lets go at once.
    const { buffer, strings, l7 } = numbered(i, 64)
    const batch = new FlowBatch({ length: 1, capacity: 64, buffer, strings, l7: l7.parts })
    queue.push(batch, 0)
    batch.release()
  }
  assert.ok(queue.bytes < 1_000 * 2_048, `${queue.bytes} bytes`)
  assert.equal(
    taken(queue, 1_000),
    Array.from({ length: 1_000 }, (_, i) => i),
  )
  assert.is(queue.bytes, 0)
})

queueing('what filters left of batches of DNS messages takes bounded memory', () => {
  const queue = new FlowQueue(1_000)
  const heap = new ArrayBuffer(1 << 20)
  const offered = Array.from({ length: 10 }, () => {
    const batch = numbered(0, 1)
    batch.columns.l7[0] = 1
    return new FlowBatch({ ...batch, l7: { ...batch.l7.parts, length: 1, heap } })
  })
  assert.is(
    offered.reduce((taken, batch) => taken + queue.push(batch, 0), 0),
    2,
  )
  assert.is(queue.push(offered[2]!, 0), 0)
  taken(queue, 2)
  assert.is(queue.push(offered[2]!, 0), 1)
})

queueing('what is in flight takes room until it is settled', () => {
  const queue = new FlowQueue(4)
  queue.push(numbered(0, 4), 0)
  assert.equal(taken(queue, 3), [0, 1, 2])
  assert.is(queue.waiting, 1)
  assert.is(queue.size, 4)
  assert.is(queue.push(numbered(4, 1), 0), 0)
  queue.settle(3)
  assert.is(queue.push(numbered(4, 9), 0), 3)
})

queueing('hands every accepted flow out once and in order, and never holds more than its capacity', () => {
  const step = fc.oneof(fc.record({ push: fc.nat(20) }), fc.record({ take: fc.nat(15) }))
  fc.assert(
    fc.property(fc.array(step), fc.integer({ min: 1, max: 30 }), (steps, capacity) => {
      const queue = new FlowQueue(capacity)
      let next = 0
      const accepted: number[] = []
      const out: number[] = []
      for (const s of steps) {
        if ('push' in s) {
          const count = queue.push(numbered(next, s.push), 0)
          for (let i = 0; i < count; i++) accepted.push(next + i)
          next += s.push
        } else {
          const rows = taken(queue, s.take)
          out.push(...rows)
          queue.settle(rows.length)
        }
        assert.ok(queue.size <= capacity)
        assert.is(queue.waiting, queue.size)
      }
      out.push(...taken(queue, Number.POSITIVE_INFINITY))
      assert.equal(out, accepted)
    }),
  )
})

queueing.run()
