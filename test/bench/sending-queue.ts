import { mkdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { MemoryQueue } from '../../src/pipeline/sending-queue/memory-queue.ts'
import type { SendingQueue } from '../../src/pipeline/sending-queue/queue.ts'
import { drain, numberedItem, openStoredQueue } from '../support/stored-queue.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/**
 * The sending queue, in memory and on disk: requests and bytes a second, CPU and delay of the event loop while a consumer
 * keeps up, while a backlog is written, and while it is read again after a restart. FOVEA_BENCH_FOLDER says where the files
 * go (a temporary folder by default). Prints a table, asserts nothing.
 */

const TOTAL_BYTES = 128 * 1024 * 1024
const BYTES = [2_000, 20_000, 300_000]

const folder = new TemporaryFolder()
const base = process.env.FOVEA_BENCH_FOLDER ?? folder.path
const results: Record<string, object> = {}
let directories = 0

try {
  for (const length of BYTES) {
    const memory = new MemoryQueue(1_000_000, 'requests')
    await measure(`memory, ${length} bytes, through`, length, () => through(memory, length))
    for (const fsync of [false, true]) {
      if (fsync && length < 20_000) continue
      await onDisk(length, fsync)
    }
  }
} finally {
  folder.remove()
}
console.table(results)

async function onDisk(length: number, fsync: boolean): Promise<void> {
  const directory = `${base}/queue-${process.pid}-${directories++}`
  mkdirSync(directory)
  const settings = { maxBytes: 2 ** 31, capacity: 1_000_000, fsync }
  const words = `disk${fsync ? ', fsync' : ''}, ${length} bytes`
  const { queue: busy } = await openStoredQueue(directory, settings)
  await measure(`${words}, through`, length, () => through(busy, length))
  await busy.close()
  const { queue } = await openStoredQueue(directory, settings)
  await measure(`${words}, backlog written`, length, () => fill(queue, length))
  await queue.close()
  const start = performance.now()
  const { queue: again } = await openStoredQueue(directory, settings)
  results[`${words}, start with backlog`] = { 'requests/s': `${(performance.now() - start).toFixed(0)} ms in all` }
  await measure(`${words}, backlog read`, length, () => drain(again))
  await again.close()
}

/** A producer as fast as it can, and four consumers that are done at once. */
async function through(queue: SendingQueue, length: number): Promise<void> {
  const count = Math.floor(TOTAL_BYTES / length)
  let done = 0
  const all = Promise.withResolvers<void>()
  const consume = async () => {
    for (let item = await queue.take(); item !== undefined; item = await queue.take()) {
      queue.done(item)
      if (++done === count) all.resolve()
    }
  }
  for (let i = 0; i < 4; i++) void consume()
  await fill(queue, length)
  await all.promise
}

/** Offers as a pipeline does: a few, then the event loop's turn; waits while there is no room. */
async function fill(queue: SendingQueue, length: number): Promise<void> {
  const count = Math.floor(TOTAL_BYTES / length)
  const { bytes } = numberedItem(1, length)
  for (let i = 0; i < count; i++) {
    while (!queue.offer({ bytes, flows: 1 })) await queue.room()
    if (i % 8 === 0) await new Promise(setImmediate)
  }
  if ('flush' in queue) await (queue as { flush(): Promise<void> }).flush()
}

async function measure(what: string, length: number, run: () => Promise<unknown>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  await run()
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  delay.disable()
  const count = Math.floor(TOTAL_BYTES / length)
  results[what] = {
    'requests/s': Math.round(count / seconds).toLocaleString('en'),
    'MB/s': Math.round((count * length) / seconds / 1e6),
    'µs CPU/request': ((user + system) / count).toFixed(0),
    'loop delay p99 ms': (delay.percentile(99) / 1e6).toFixed(1),
    'loop delay max ms': (delay.max / 1e6).toFixed(1),
  }
}
