import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WorkQueue, type WorkQueueOptions } from '../../src/operator/work-queue.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'

const queues = suite('work queue')

function queue(work: WorkQueueOptions['work'], options: Partial<WorkQueueOptions> = {}): WorkQueue {
  const own = {
    name: 'test',
    concurrency: 2,
    log: pino({ level: 'silent' }),
    telemetry: new Telemetry(),
    firstMs: 1,
    mostMs: 4,
  }
  return new WorkQueue({ ...own, work, ...options })
}

queues('a key that is asked for often is worked on once, and once more when it was asked for meanwhile', async () => {
  const worked: string[] = []
  const gate = Promise.withResolvers<void>()
  const own = queue(async (key) => {
    worked.push(key)
    await gate.promise
  })
  for (const key of ['a', 'b', 'c', 'c', 'a', 'a']) own.add(key)
  assert.equal(worked, ['a', 'b'])
  gate.resolve()
  await own.whenIdle()
  assert.equal(worked.toSorted(), ['a', 'a', 'b', 'c'])
})

queues('no more keys are under way than allowed, and never one twice', async () => {
  const active = new Set<string>()
  let most = 0
  const own = queue(
    async (key) => {
      assert.not.ok(active.has(key))
      active.add(key)
      most = Math.max(most, active.size)
      await new Promise((resolve) => setImmediate(resolve))
      active.delete(key)
      if (key === '7') own.add('8')
    },
    { concurrency: 3 },
  )
  for (let i = 0; i < 50; i++) own.add(String(i % 20))
  await own.whenIdle()
  assert.is(most, 3)
})

queues('a key that fails is tried again until it succeeds, and does not hold up the others', async () => {
  const failures: number[] = []
  const worked: string[] = []
  const own = queue(
    async (key) => {
      if (key === 'bad' && failures.length < 3) throw new Error('not yet')
      worked.push(key)
    },
    { concurrency: 1, failed: (_, __, count) => failures.push(count) },
  )
  for (const key of ['bad', 'good']) own.add(key)
  await own.whenIdle()
  assert.equal(failures, [1, 2, 3])
  assert.equal(worked, ['good', 'bad'])
})

queues('news about a key that waits after a failure is worked on at once', async () => {
  let tries = 0
  const own = queue(
    async () => {
      tries++
      if (tries === 1) throw new Error('not yet')
    },
    { firstMs: 3_600_000, mostMs: 3_600_000, failed: () => setImmediate(() => own.add('a')) },
  )
  own.add('a')
  await own.whenIdle()
  assert.is(tries, 2)
})

queues('stopping ends what is under way and forgets the rest', async () => {
  const worked: string[] = []
  const own = queue(
    async (key, signal) => {
      worked.push(key)
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    { concurrency: 1 },
  )
  own.add('a')
  own.add('b')
  await own.stop()
  own.add('c')
  assert.equal(worked, ['a'])
  assert.is(own.depth, 0)
})

queues.run()
