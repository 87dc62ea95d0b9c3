import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../../support/eventually.ts'
import {
  drain,
  filesOf,
  numberedItem,
  numberOf,
  openStoredQueue,
  range,
  StoredQueues,
} from '../../support/stored-queue.ts'

const test = suite('a queue on disk')
const queues = new StoredQueues()

test.after.each(() => queues.close())
test.after(() => queues.remove())

for (const fsync of [false, true])
  test(`what is not done with comes again in order after a kill, fsync ${fsync}`, async () => {
    const directory = queues.newDirectory()
    const { queue, told } = await queues.openAt(directory, { fsync })
    for (let i = 0; i < 10; i++) queue.offer(numberedItem(i, 100, 2))
    await queue.flush()
    assert.is(told.stored, 20)
    const taken = [await queue.take(), await queue.take(), await queue.take()]
    queue.done(taken[1]!)
    await queue.flush()
    const killed = await queues.openAt(queues.copyOf(directory))
    assert.is(killed.queue.size, 9)
    assert.equal(await drain(killed.queue), [0, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.equal([killed.told.lost, killed.told.corrupt], [0, 0])
  })

test('everything that waits is kept by close, and nothing of it is lost', async () => {
  const directory = await queues.filled(50)
  const { queue } = await queues.openAt(directory, { sizer: 'items' })
  assert.is(queue.size, 500)
  await queue.take()
  queue.stop()
  assert.is(await queue.take(), undefined)
  assert.is(await queue.close(), 0)
  assert.equal(await drain((await queues.openAt(directory)).queue), range(0, 50))
})

test('what is written while a consumer looks through what is done with comes once', async () => {
  const directory = await queues.filled(200)
  const before = await openStoredQueue(directory)
  // All but the first are done with: after it the file holds nothing for anybody.
  const items = []
  for (let i = 0; i < 200; i++) items.push(await before.queue.take())
  for (const item of items.slice(1)) before.queue.done(item!)
  await before.queue.close()
  for (let turns = 0; turns < 30; turns++) {
    const { queue } = await openStoredQueue(queues.copyOf(directory))
    assert.is(numberOf((await queue.take())!), 0)
    const numbers: number[] = []
    const consume = async () => {
      for (let item = await queue.take(); item !== undefined; item = await queue.take()) {
        numbers.push(numberOf(item))
        queue.done(item)
        if (numbers.length === 3) queue.stop()
      }
    }
    const consumers = [consume(), consume()]
    for (const number of [500, 501, 502]) {
      for (let turn = 0; turn < turns; turn++) await (turn % 2 === 0 ? Promise.resolve() : new Promise(setImmediate))
      queue.offer(numberedItem(number))
    }
    await Promise.all(consumers)
    await queue.close()
    assert.equal(numbers, [500, 501, 502], `${turns} turns`)
  }
})

test('leaves no file behind when all is done', async () => {
  const directory = await queues.filled(2_000, 1_000, { maxBytes: 16 * 1024 * 1024, capacity: 10_000 })
  assert.ok(filesOf(directory).length > 1)
  const { queue } = await queues.openAt(directory)
  assert.equal(await drain(queue), range(0, 2_000))
  await queue.flush()
  assert.is(queue.diskBytes, 0)
  await queue.close()
  assert.equal(readdirSync(directory), [])
})

test('more than memory keeps is read from the disk, in order, while more comes', async () => {
  const { queue, told } = await queues.openAt(queues.newDirectory(), { capacity: 100_000, maxBytes: 256 * 1024 * 1024 })
  const got: number[] = []
  for (let i = 0; i < 1_500; i++) {
    while (!queue.offer(numberedItem(i, 40_000))) await queue.room()
    if (i % 3 === 0) got.push(...(await drain(queue, 1)))
  }
  assert.ok(queue.memoryBytes < 21 * 1024 * 1024, `${queue.memoryBytes}`)
  got.push(...(await drain(queue)))
  assert.equal(got, range(0, 1_500))
  assert.equal([queue.memoryBytes, told.lost, told.failed], [0, 0, []])
})

test('takes no more bytes of the disk than it may, and takes again what was sent', async () => {
  const directory = queues.newDirectory()
  const maxBytes = 1024 * 1024
  const { queue } = await queues.openAt(directory, { maxBytes, capacity: 10_000 })
  let accepted = 0
  while (queue.offer(numberedItem(accepted, 10_000))) {
    accepted++
    await queue.flush()
  }
  const bytes = () => filesOf(directory).reduce((sum, path) => sum + statSync(path).size, 0)
  assert.ok(accepted > 90 && bytes() <= maxBytes, `${accepted} requests, ${bytes()} bytes`)
  assert.is(queue.diskBytes, bytes())
  assert.equal(await drain(queue, 20), range(0, 20))
  await queue.flush()
  assert.ok(queue.offer(numberedItem(accepted, 10_000)))
  assert.not.ok(queue.offer(numberedItem(0, maxBytes)), 'never')
  assert.equal(await drain(queue), range(20, accepted + 1))
})

test('a disk that refuses: one request waits, the rest is refused, a consumer gets it all the same', async () => {
  const directory = queues.newDirectory()
  const { queue, told } = await queues.openAt(directory)
  rmSync(directory, { recursive: true })
  assert.ok(queue.offer(numberedItem(0)))
  await queue.flush()
  assert.equal(told.writing, [false])
  assert.not.ok(queue.offer(numberedItem(1)))
  const item = await queue.take()
  assert.is(numberOf(item!), 0)
  assert.ok(queue.offer(numberedItem(2)), 'the next one to try with')
  mkdirSync(directory)
  await eventually('writing to work', () => told.writing.at(-1) || undefined)
  queue.done(item!)
  await queue.flush()
  assert.is(told.stored, 1)
  const killed = await queues.openAt(queues.copyOf(directory))
  assert.equal(await drain(killed.queue), [2])
})

test('what the disk refuses to the end is told as lost by close', async () => {
  const directory = queues.newDirectory()
  const { queue } = await openStoredQueue(directory)
  rmSync(directory, { recursive: true })
  queue.offer(numberedItem(0, 100, 3))
  await queue.flush()
  await queue.take()
  queue.offer(numberedItem(0, 100, 4))
  assert.is(await queue.close(), 7)
})

test.run()
