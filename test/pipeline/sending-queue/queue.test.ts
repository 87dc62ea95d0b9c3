import { mkdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MemoryQueue } from '../../../src/pipeline/sending-queue/memory-queue.ts'
import type { SendingQueue, Sizer } from '../../../src/pipeline/sending-queue/queue.ts'
import { drain, numberedItem, numberOf, openStoredQueue } from '../../support/stored-queue.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

/** What every queue does, in memory and on disk. */

const folder = new TemporaryFolder()
let directories = 0

const kinds: Record<string, (capacity: number, sizer: Sizer) => Promise<SendingQueue>> = {
  memory: async (capacity, sizer) => new MemoryQueue(capacity, sizer),
  disk: async (capacity, sizer) => {
    const directory = folder.at(`queue-${directories++}`)
    mkdirSync(directory)
    return (await openStoredQueue(directory, { capacity, sizer })).queue
  },
}

for (const [kind, make] of Object.entries(kinds)) {
  const test = suite(`a queue on ${kind}`)
  let queue: SendingQueue
  test.after.each(async () => {
    await queue.close()
  })

  test('gives items in their order', async () => {
    queue = await make(1_000, 'requests')
    for (let i = 0; i < 300; i++) assert.ok(queue.offer(numberedItem(i)))
    assert.equal(
      await drain(queue),
      Array.from({ length: 300 }, (_, i) => i),
    )
    assert.is(queue.size, 0)
    assert.is(queue.memoryBytes, 0)
  })

  for (const { sizer, capacity } of [
    { sizer: 'requests', capacity: 3 },
    { sizer: 'items', capacity: 30 },
    { sizer: 'bytes', capacity: 3_000 },
  ] as const)
    test(`counts ${sizer}, those in flight among them, and refuses what does not fit`, async () => {
      queue = await make(capacity, sizer)
      const item = (number: number) => numberedItem(number, 1_000, 10)
      for (let i = 0; i < 3; i++) assert.ok(queue.offer(item(i)))
      assert.not.ok(queue.offer(item(3)))
      assert.is(queue.size, capacity)
      assert.is(queue.capacity, capacity)
      const taken = await queue.take()
      assert.not.ok(queue.offer(item(3)), 'in flight counts')
      assert.is(queue.size, capacity)
      queue.done(taken!)
      assert.is(queue.size, (capacity / 3) * 2)
      queue.done(taken!)
      assert.is(queue.size, (capacity / 3) * 2, 'done twice is done once')
      assert.ok(queue.offer(item(3)))
      assert.equal(await drain(queue), [1, 2, 3])
    })

  test('consumers that wait get each item once, the one that waits longest first', async () => {
    queue = await make(1_000, 'requests')
    const got: number[] = []
    const consumers = Array.from({ length: 4 }, async () => {
      for (let item = await queue.take(); item !== undefined; item = await queue.take()) {
        got.push(numberOf(item))
        queue.done(item)
        if (got.length === 500) queue.stop()
      }
    })
    for (let i = 0; i < 500; i++) {
      assert.ok(queue.offer(numberedItem(i, 5_000)))
      if (i % 50 === 0) await new Promise(setImmediate)
    }
    await Promise.all(consumers)
    assert.equal(
      got,
      Array.from({ length: 500 }, (_, i) => i),
    )
  })

  test('tells when there may be room', async () => {
    queue = await make(1, 'requests')
    assert.ok(queue.offer(numberedItem(0)))
    const offered = (async () => {
      while (!queue.offer(numberedItem(1))) await queue.room()
    })()
    queue.done((await queue.take())!)
    await offered
    assert.is(queue.size, 1)
    const late = queue.room()
    queue.stop()
    await late
    assert.not.ok(queue.offer(numberedItem(2)))
    await queue.room()
  })

  test('a consumer that waits ends when the queue stops', async () => {
    queue = await make(10, 'requests')
    const waiting = queue.take()
    queue.stop()
    assert.is(await waiting, undefined)
  })

  test.run()
}

const memory = suite('a stopped queue in memory')

memory('can be drained, and what is left is told as lost', async () => {
  const queue = new MemoryQueue(100, 'requests')
  for (let i = 0; i < 5; i++) queue.offer(numberedItem(i, 100, 3))
  queue.stop()
  assert.equal(await drain(queue, 2), [0, 1])
  await queue.take()
  assert.is(await queue.close(), 9, 'one in flight and two that wait')
  assert.is(queue.size, 0)
})

memory.after(() => folder.remove())
memory.run()
