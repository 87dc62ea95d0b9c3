import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RefusedError } from '../../../src/pipeline/component.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { type MemoryLimiterConfig, memoryLimiterConfig } from '../../../src/processors/memory_limiter/config.ts'
import { processMemory } from '../../../src/processors/memory_limiter/memory.ts'
import { MemoryLimiterProcessor } from '../../../src/processors/memory_limiter/processor.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { Sink } from '../../support/sink.ts'

const limiter = suite('memory_limiter')

const defaults = defaultsOf(memoryLimiterConfig.schema) as unknown as MemoryLimiterConfig
const MIB = 1_048_576

/** An idle worker's statistics do not keep a process alive by themselves. */
let awake: NodeJS.Timeout
limiter.before(() => {
  awake = setInterval(() => {}, 1000)
})
limiter.after(() => clearInterval(awake))

limiter('refuses whole batches above the limit, passes them untouched below, and counts both', async () => {
  const context = createContext('processor', 'memory_limiter/a')
  const sink = new Sink()
  const memory = { usedBytes: async () => usedMiB * MIB, totalBytes: () => 1e9, collect: () => {} }
  let usedMiB = 10
  const processor = new MemoryLimiterProcessor(context, { ...defaults, limit_mib: 100 }, sink, memory)
  await processor.start()
  const batch = flowBatch([TCP_SYN, TCP_SYN])
  processor.consume(batch)
  assert.is(sink.batches[0], batch)
  usedMiB = 99
  await processor.check()
  assert.throws(
    () => processor.consume(batch),
    (error: Error) => error instanceof RefusedError && error.message === 'data refused due to high memory usage',
  )
  assert.is(sink.batches.length, 1)
  const metric = (name: string) => ownMetric(context, name, { processor: 'memory_limiter/a' })
  assert.is(metric('otelcol_processor_memory_limiter_accepted_flows'), 2)
  assert.is(metric('otelcol_processor_memory_limiter_refused_flows'), 2)
  assert.is(metric('fovea_processor_memory_limiter_used_bytes'), 99 * MIB)
  assert.is(metric('fovea_processor_memory_limiter_soft_limit_bytes'), 80 * MIB)
  await processor.shutdown()
})

limiter('memory of this process: buffers count once, those of the workers too, and a collection frees', async () => {
  const { pool } = createContext('processor', 'memory_limiter')
  const memory = processMemory(pool)
  memory.collect()
  const before = await memory.usedBytes()
  let held: ArrayBuffer | undefined = new ArrayBuffer(64 * MIB)
  const grown = (await memory.usedBytes()) - before
  assert.ok(grown > 60 * MIB && grown < 70 * MIB, `grew by ${grown}`)
  const worker = new URL('../../support/holding-worker.ts', import.meta.url)
  await pool.run(worker, 'hold', 32 * MIB, [])
  const withWorker = (await memory.usedBytes()) - before - held.byteLength
  assert.ok(withWorker > 32 * MIB, `worker added ${withWorker}`)
  await pool.close()
  held = undefined
  await eventually('the buffer to be freed', async () => {
    memory.collect()
    return (await memory.usedBytes()) - before < 16 * MIB ? true : undefined
  })
  assert.ok(memory.totalBytes() > 0 && Number.isSafeInteger(memory.totalBytes()))
})

limiter.run()
