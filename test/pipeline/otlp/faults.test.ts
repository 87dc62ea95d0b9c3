import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { OtlpConfig } from '../../../src/pipeline/otlp/settings.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { flowExporter, httpFlowExporter, otlpConfig, otlpHttp } from '../../support/exporter-config.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import {
  type ScriptedAnswer,
  type ScriptedBackend,
  ScriptedGrpcBackend,
  ScriptedHttpBackend,
} from '../../support/otlp-server.ts'

/** What backends do that no real one can be told to do: the same for both protocols, in each one's own words. */

interface Protocol {
  name: string
  backend: () => ScriptedBackend
  exporter: (
    context: ReturnType<typeof createContext>,
    port: number,
    config: Partial<OtlpConfig>,
  ) => ReturnType<typeof flowExporter>
  /** Asks to come again after so many seconds. */
  throttled: (seconds: number) => ScriptedAnswer
  busy: ScriptedAnswer
  never: ScriptedAnswer
}

const PROTOCOLS: readonly Protocol[] = [
  {
    name: 'otlp_grpc',
    backend: () => new ScriptedGrpcBackend(),
    exporter: (context, port, config) => flowExporter(context, otlpConfig(`127.0.0.1:${port}`, config)),
    throttled: (seconds) => ({ status: 8, retryMs: seconds * 1_000 }),
    busy: { status: 14 },
    never: { status: 3 },
  },
  {
    name: 'otlp_http',
    backend: () => new ScriptedHttpBackend(),
    exporter: (context, port, config) => httpFlowExporter(context, otlpHttp(`http://127.0.0.1:${port}`, config)),
    throttled: (seconds) => ({ status: 429, retryAfter: String(seconds) }),
    busy: { status: 503 },
    never: { status: 400 },
  },
]

/** Milliseconds by which a timer may be early. */
const EARLY_MS = 5

const numbered = (from: number, to: number) =>
  flowBatch(Array.from({ length: to - from + 1 }, (_, i) => ({ ...TCP_SYN, bytes: from + i })))

for (const { name, backend: make, exporter: build, throttled, busy, never } of PROTOCOLS) {
  const faults = suite(`${name}: backends at fault`)
  let backend: ScriptedBackend

  faults.before.each(async () => {
    backend = make()
    await backend.start()
  })
  faults.after.each(() => backend.stop())

  const begin = async (config: Partial<OtlpConfig> = {}) => {
    const context = createContext('exporter', name)
    const exporter = build(context, backend.port, config)
    await exporter.start()
    const own = (metric: string) => ownMetric(context, metric, { exporter: name })
    const sent = () => own('otelcol_exporter_sent_flows')
    return { context, exporter, own, sent, stop: () => exporter.shutdown(Date.now() + 5_000) }
  }

  faults('one that is busy is asked again, and gets everything once', async () => {
    backend.script.push(busy, busy)
    const { exporter, sent, stop, context } = await begin()
    exporter.consume(numbered(1, 3))
    await eventually('the flows', () => sent() === 3 || undefined)
    await stop()
    assert.equal(backend.taken, [1, 2, 3])
    assert.is(backend.times.length, 3)
    assert.equal(
      context.lines.map(({ msg }) => msg),
      ['Exporting failed. Will retry the request after interval.', 'Exporting works again.'],
    )
  })

  faults('one that says when to come again is left alone until then', async () => {
    backend.script.push(throttled(1))
    const { exporter, sent, stop } = await begin()
    exporter.consume(numbered(1, 1))
    await eventually('the flow', () => sent() === 1 || undefined)
    await stop()
    assert.equal(backend.taken, [1])
    assert.ok(backend.times[1]! - backend.times[0]! >= 1_000 - EARLY_MS)
  })

  faults('what it refuses for good is not sent again, counted, and told', async () => {
    backend.script.push(never)
    const { exporter, own, sent, stop, context } = await begin()
    exporter.consume(numbered(1, 2))
    await eventually('the refusal', () => own('otelcol_exporter_send_failed_flows') === 2 || undefined)
    exporter.consume(numbered(3, 3))
    await eventually('the flow after it', () => sent() === 1 || undefined)
    await stop()
    assert.equal(backend.taken, [3])
    assert.is(backend.times.length, 2)
    assert.is(context.lines[0]?.msg, 'Exporting failed. Dropping data.')
    assert.equal(
      context.statuses.map(({ at }) => at),
      ['recoverable_error', 'ok'],
    )
  })

  faults('what it takes in part is not sent again; the rest is counted, and told once', async () => {
    const partial = { rejected: 2, error_message: 'too old' }
    backend.script.push({ ...taking(name), partial }, { ...taking(name), partial })
    const { exporter, own, sent, stop, context } = await begin()
    exporter.consume(numbered(1, 5))
    await eventually('the first', () => sent() === 3 || undefined)
    exporter.consume(numbered(6, 10))
    await eventually('the second', () => sent() === 6 || undefined)
    await stop()
    assert.is(backend.times.length, 2)
    assert.is(own('fovea_exporter_rejected_flows'), 4)
    assert.is(own('otelcol_exporter_send_failed_flows'), 0)
    const lines = context.lines as unknown as { msg: string; message: string; dropped_items: number }[]
    assert.equal(
      lines.map(({ msg, message, dropped_items }) => [msg, message, dropped_items]),
      [['Partial success response', 'too old', 2]],
    )
  })

  faults('one that resets connections gets everything', async () => {
    backend.script.push({ ...taking(name), reset: true }, { ...taking(name), reset: true })
    const { exporter, own, sent, stop } = await begin()
    exporter.consume(numbered(1, 3))
    await eventually('the flows', () => sent() === 3 || undefined)
    await stop()
    assert.equal(backend.taken, [1, 2, 3])
    assert.is(backend.times.length, 3)
    assert.is(own('otelcol_exporter_send_failed_flows'), 0)
  })

  faults('what it says is told on one line of bounded length', async () => {
    const partial = { rejected: 1, error_message: `too\nold ${'x'.repeat(10_000)}` }
    backend.script.push({ ...taking(name), partial })
    const { exporter, sent, stop, context } = await begin()
    exporter.consume(numbered(1, 2))
    await eventually('the answer', () => sent() === 1 || undefined)
    await stop()
    const [line] = context.lines as unknown as { message: string }[]
    assert.is(line?.message, `too old ${'x'.repeat(492)}`)
  })

  faults('one that is too slow is asked again', async () => {
    backend.script.push({ ...busy, afterMs: 2_000 })
    const { exporter, sent, stop } = await begin({ timeout: 200 })
    exporter.consume(numbered(1, 1))
    await eventually('the flow', () => sent() === 1 || undefined)
    await stop()
    assert.equal(backend.taken, [1])
    assert.is(backend.times.length, 2)
  })

  faults(
    'while it is away what waits is bounded, what was accepted arrives once, what was refused is counted',
    async () => {
      backend.script.push(...Array.from({ length: 40 }, () => busy))
      const defaults = otlpConfig('')
      const sending_queue = {
        ...defaults.sending_queue,
        sizer: 'items' as const,
        queue_size: 1_000,
        batch: { flush_timeout: 50, min_size: 100, max_size: 100 },
      }
      const retry_on_failure = { ...defaults.retry_on_failure, initial_interval: 100, max_interval: 100 }
      const { exporter, own, sent, stop, context } = await begin({ sending_queue, retry_on_failure })
      let most = 0
      let refusals = 0
      for (let from = 1; from <= 3_000; from += 300) {
        try {
          exporter.consume(numbered(from, from + 299))
        } catch {
          refusals++
        }
        most = Math.max(most, ownMetric(context, 'otelcol_exporter_queue_size', { exporter: name, data_type: 'flows' }))
      }
      const refused = own('otelcol_exporter_enqueue_failed_flows')
      await eventually('the rest', () => sent() === 3_000 - refused || undefined)
      await stop()
      assert.is(most, 1_000)
      assert.is(refused, 2_000)
      assert.ok(refusals > 0)
      assert.equal(
        backend.taken.sort((a, b) => a - b),
        Array.from({ length: 1_000 }, (_, i) => i + 1),
      )
      assert.is(own('otelcol_exporter_send_failed_flows'), 0)
    },
  )

  faults('with block_on_overflow the pipeline waits, and nothing is refused', async () => {
    backend.script.push(busy, busy, busy, busy)
    const sending_queue = blocking(2, 50)
    const { exporter, own, sent, stop } = await begin({ sending_queue })
    for (let from = 1; from <= 3_000; from += 500) await exporter.consume(numbered(from, from + 499))
    await eventually('everything', () => sent() === 3_000 || undefined)
    await stop()
    assert.is(own('otelcol_exporter_enqueue_failed_flows'), 0)
    assert.is(new Set(backend.taken).size, 3_000)
    assert.is(backend.taken.length, 3_000)
  })

  faults('what fills up while the queue is full waits with block_on_overflow, also when no batch follows', async () => {
    backend.script.push({ ...taking(name), afterMs: 300 })
    const sending_queue = blocking(1, 20)
    const { exporter, own, sent, stop } = await begin({ sending_queue })
    await exporter.consume(numbered(1, 100))
    await exporter.consume(numbered(101, 105))
    await eventually('the request that had no room', () => sent() === 105 || undefined, 5_000)
    await stop()
    assert.is(own('otelcol_exporter_enqueue_failed_flows'), 0)
  })

  faults('what had no room at the end is counted', async () => {
    backend.script.push(...Array.from({ length: 100 }, () => ({ ...busy, afterMs: 60_000 })))
    const sending_queue = blocking(1, 20)
    const { exporter, own } = await begin({ sending_queue, timeout: 30_000 })
    await exporter.consume(numbered(1, 100))
    await exporter.consume(numbered(101, 105))
    await eventually('a request under way', () => backend.times.length || undefined)
    // Longer than `flush_timeout`.
    await new Promise((resolve) => setTimeout(resolve, 60))
    await exporter.shutdown(Date.now() + 100)
    assert.is(own('otelcol_exporter_send_failed_flows') + own('otelcol_exporter_enqueue_failed_flows'), 105)
  })

  faults('without a queue the pipeline waits, and learns what was not taken', async () => {
    backend.script.push(busy, taking(name), never)
    const sending_queue = { ...otlpConfig('').sending_queue, enabled: false }
    const { exporter, own, sent, stop } = await begin({ sending_queue })
    await exporter.consume(numbered(1, 3))
    assert.equal(backend.taken, [1, 2, 3])
    assert.is(sent(), 3)
    try {
      await exporter.consume(numbered(4, 5))
      assert.unreachable()
    } catch (error) {
      assert.is((error as Error).message, 'the backend did not take the flows')
    }
    assert.is(own('otelcol_exporter_send_failed_flows'), 2)
    await stop()
  })

  faults('what could not be sent before the deadline is counted as lost, once', async () => {
    backend.script.push(...Array.from({ length: 100 }, () => ({ ...busy, afterMs: 60_000 })))
    const { exporter, own, context } = await begin({ timeout: 30_000 })
    exporter.consume(numbered(1, 1_500))
    await eventually('a request under way', () => backend.times.length || undefined)
    await exporter.shutdown(Date.now() + 300)
    assert.is(own('otelcol_exporter_send_failed_flows'), 1_500)
    assert.is(own('otelcol_exporter_sent_flows'), 0)
    assert.is(context.lines.at(-1)?.msg, 'Shut down before everything was sent. Dropping data.')
  })

  faults('shutdown sends what waits', async () => {
    const { exporter, sent } = await begin({
      sending_queue: {
        ...otlpConfig('').sending_queue,
        batch: { flush_timeout: 60_000, min_size: 500, max_size: 500 },
      },
    })
    exporter.consume(numbered(1, 1_234))
    await exporter.shutdown(Date.now() + 10_000)
    assert.is(sent(), 1_234)
    assert.is(backend.taken.length, 1_234)
  })

  faults.run()
}

/** A queue of so many requests of 100 flows, for which the pipeline waits. */
function blocking(queue_size: number, flush_timeout: number) {
  const batch = { flush_timeout, min_size: 100, max_size: 100 }
  return { ...otlpConfig('').sending_queue, block_on_overflow: true, sizer: 'requests' as const, queue_size, batch }
}

function taking(name: string): ScriptedAnswer {
  return { status: name === 'otlp_http' ? 200 : 0 }
}
