import type { FlowBatch } from '../../flow/batch.ts'
import { type Component, type CreateContext, type FlowConsumer, RefusedError } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import type { MemoryLimiterConfig } from './config.ts'
import { MemoryLimiter, REFUSED } from './limiter.ts'
import { type Memory, processMemory } from './memory.ts'

/** Refuses batches while the process uses too much memory; passes them on untouched otherwise. */
export class MemoryLimiterProcessor implements Component, FlowConsumer {
  readonly mutates = false
  #config: MemoryLimiterConfig
  #limiter: MemoryLimiter
  #next: FlowConsumer
  #accepted: Counter
  #refused: Counter
  #context: CreateContext
  #timer: NodeJS.Timeout | undefined
  #endGauges: readonly (() => void)[] = []

  constructor(
    context: CreateContext,
    config: MemoryLimiterConfig,
    next: FlowConsumer,
    memory: Memory = processMemory(context.pool),
  ) {
    this.#context = context
    this.#config = config
    this.#next = next
    this.#limiter = new MemoryLimiter(config, { memory, log: context.log, report: context.report })
    const labels = { processor: context.id }
    const counter = (name: string, help: string) =>
      context.telemetry.counter(`otelcol_processor_memory_limiter_${name}_flows`, help, labels)
    this.#accepted = counter('accepted', 'Flows let through.')
    this.#refused = counter('refused', 'Flows refused because memory is short.')
  }

  async start(): Promise<void> {
    const { telemetry, id } = this.#context
    const gauge = (name: string, help: string, read: () => number) =>
      telemetry.gauge(`fovea_processor_memory_limiter_${name}_bytes`, help, { processor: id }, read)
    this.#endGauges = [
      gauge('used', 'Memory in use at the last check.', () => this.#limiter.usedBytes),
      gauge('soft_limit', 'Above this data is refused.', () => this.#limiter.limits.softBytes),
    ]
    await this.check()
    this.#timer = setInterval(() => void this.check(), this.#config.check_interval)
    this.#timer.unref()
  }

  async shutdown(): Promise<void> {
    clearInterval(this.#timer)
    for (const end of this.#endGauges) end()
    this.#endGauges = []
  }

  /** One check, as the timer makes them. */
  async check(): Promise<void> {
    try {
      await this.#limiter.check()
    } catch (error) {
      this.#context.log.error({ err: error }, 'Memory could not be measured')
    }
  }

  consume(batch: FlowBatch): void | Promise<void> {
    if (this.#limiter.refusing) {
      this.#refused.add(batch.length)
      throw new RefusedError(REFUSED)
    }
    this.#accepted.add(batch.length)
    return this.#next.consume(batch)
  }
}
