import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decode, defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { type MemoryLimiterConfig, memoryLimiterConfig } from '../../../src/processors/memory_limiter/config.ts'
import { limitsOf, MemoryLimiter } from '../../../src/processors/memory_limiter/limiter.ts'
import { createContext, type RecordingContext } from '../../support/create-context.ts'
import { treeOf } from '../../support/trees.ts'

const limiting = suite<{ context: RecordingContext; memory: FakeMemory; limiter: MemoryLimiter }>('MemoryLimiter')

const MIB = 1_048_576
const defaults = defaultsOf(memoryLimiterConfig.schema) as unknown as MemoryLimiterConfig

/** Memory as a test says, and a clock. */
class FakeMemory {
  usedMiB = 0
  /** What a collection leaves. */
  afterMiB: number | undefined
  collections = 0
  nowMs = 0
  usedBytes = async () => this.usedMiB * MIB
  totalBytes = () => 1_000 * MIB
  collect = () => {
    this.collections++
    if (this.afterMiB !== undefined) this.usedMiB = this.afterMiB
  }
}

limiting.before.each((context) => {
  context.context = createContext('processor', 'memory_limiter')
  context.memory = new FakeMemory()
  const { log, report } = context.context
  const config = { ...defaults, limit_mib: 100, spike_limit_mib: 20 }
  const { memory } = context
  context.limiter = new MemoryLimiter(config, { memory, log, report, clock: () => memory.nowMs })
})

limiting('below the soft limit everything passes and nothing is collected', async ({ memory, limiter }) => {
  memory.usedMiB = 80
  await limiter.check()
  assert.equal([limiter.refusing, memory.collections], [false, 0])
})

limiting('above it a collection may help', async ({ memory, limiter, context }) => {
  Object.assign(memory, { usedMiB: 81, afterMiB: 50 })
  await limiter.check()
  assert.equal([limiter.refusing, memory.collections], [false, 1])
  assert.equal(
    context.lines.map((line) => line.msg),
    ['Memory usage is above soft limit. Forcing a GC.'],
  )
})

limiting('if not, data is refused until a check finds memory below again; each is told once', async (it) => {
  const { memory, limiter, context } = it
  memory.usedMiB = 90
  await limiter.check()
  await limiter.check()
  assert.is(limiter.refusing, true)
  memory.usedMiB = 79
  await limiter.check()
  await limiter.check()
  assert.is(limiter.refusing, false)
  assert.equal(
    context.lines.map((line) => line.msg),
    [
      'Memory usage is above soft limit. Forcing a GC.',
      'Memory usage is above soft limit. Refusing data.',
      'Memory usage back within limits. Resuming normal operation.',
    ],
  )
  assert.equal(
    context.statuses.map((status) => status.at),
    ['recoverable_error', 'ok'],
  )
})

limiting('collections above the soft limit keep their distance', async ({ memory, limiter }) => {
  Object.assign(memory, { usedMiB: 90, afterMiB: 85 })
  for (const [nowMs, collections] of [
    [0, 1],
    [9_999, 1],
    [10_000, 2],
  ] as const) {
    memory.nowMs = nowMs
    memory.usedMiB = 90
    await limiter.check()
    assert.is(memory.collections, collections, `at ${nowMs} ms`)
  }
})

limiting('above the hard limit every check collects, less and less often while it is in vain', async (it) => {
  const { memory, limiter, context } = it
  memory.usedMiB = 120
  const at: number[] = []
  for (; memory.nowMs < 120_000; memory.nowMs += 1_000) {
    const before = memory.collections
    await limiter.check()
    if (memory.collections > before) at.push(memory.nowMs / 1_000)
  }
  assert.equal(at, [0, 2, 6, 14, 30, 60, 90])
  assert.is(context.lines[0]?.msg, 'Memory usage is above hard limit. Forcing a GC.')
})

const limits: { name: string; config: Partial<MemoryLimiterConfig>; hard: number; soft: number }[] = [
  { name: 'the spike limit is 20 % by default', config: { limit_mib: 100 }, hard: 100, soft: 80 },
  { name: 'it may be set', config: { limit_mib: 100, spike_limit_mib: 5 }, hard: 100, soft: 95 },
  {
    name: 'both may be percentages',
    config: { limit_percentage: 50, spike_limit_percentage: 10 },
    hard: 500,
    soft: 400,
  },
  {
    name: 'MiB win over percentages',
    config: { limit_mib: 100, limit_percentage: 50, spike_limit_percentage: 49 },
    hard: 100,
    soft: 80,
  },
]
for (const { name, config, hard, soft } of limits) {
  limiting(name, () => {
    assert.equal(limitsOf({ ...defaults, ...config }, 1_000 * MIB), { hardBytes: hard * MIB, softBytes: soft * MIB })
  })
}

const problems: [text: string, message: string][] = [
  ['{}', "'limit_mib' or 'limit_percentage' must be greater than zero"],
  ['{limit_mib: 1, check_interval: 0s}', "check_interval: 'check_interval' must be greater than zero"],
  ['{limit_mib: 10, spike_limit_mib: 10}', "spike_limit_mib: 'spike_limit_mib' must be smaller than 'limit_mib'"],
  [
    '{limit_percentage: 101}',
    "limit_percentage: 'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred",
  ],
  [
    '{limit_percentage: 50, spike_limit_percentage: 50}',
    "spike_limit_percentage: 'spike_limit_percentage' must be smaller than 'limit_percentage'",
  ],
  [
    '{limit_mib: 1, max_gc_interval_when_soft_limited: 1s}',
    "max_gc_interval_when_soft_limited: 'max_gc_interval_when_soft_limited' must not be less than 'min_gc_interval_when_soft_limited'",
  ],
]
for (const [text, message] of problems) {
  limiting(`${text} is told`, () => {
    const found = decode(memoryLimiterConfig, treeOf(text), []).problems
    assert.equal(
      found.map((problem) => [...problem.path, problem.message].join(': ')),
      [message],
    )
  })
}

limiting.run()
