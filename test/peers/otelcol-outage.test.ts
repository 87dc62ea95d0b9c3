import { setTimeout } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RefusedError } from '../../src/pipeline/component.ts'
import type { OtlpFlowExporter } from '../../src/pipeline/otlp/flow-exporter.ts'
import { createContext, ownMetric, type RecordingContext } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { flowExporter, httpFlowExporter, otlpConfig, otlpHttp } from '../support/exporter-config.ts'
import { flowNumber, numberedBatch } from '../support/flow-source.ts'
import { Otelcol, plainAttributes } from '../support/otelcol.ts'

/** How long the backend is away, and the load all the time. */
const AWAY_SECONDS = Number(process.env.FOVEA_OUTAGE_SECONDS ?? (process.env.CI ? 60 : 5))
const BATCH = 100
const BATCHES_PER_SECOND = 10
const QUEUED = 2_000

const defaults = otlpConfig('')
const SETTINGS = {
  timeout: 2_000,
  retry_on_failure: { ...defaults.retry_on_failure, max_elapsed_time: 600_000 },
  sending_queue: {
    ...defaults.sending_queue,
    sizer: 'items' as const,
    queue_size: QUEUED,
    batch: { flush_timeout: 100, min_size: BATCH, max_size: BATCH },
  },
}

/** One exporter under load, with flows numbered from a first one of its own. */
class Load {
  readonly name: string
  readonly #context: RecordingContext
  readonly #exporter: OtlpFlowExporter
  readonly #first: number
  readonly accepted: number[] = []
  offered = 0
  mostQueued = 0

  constructor(name: string, first: number, build: (context: RecordingContext) => OtlpFlowExporter) {
    this.name = name
    this.#first = first
    this.#context = createContext('exporter', name)
    this.#exporter = build(this.#context)
  }

  start(): Promise<void> {
    return this.#exporter.start()
  }

  stop(): Promise<void> {
    return this.#exporter.shutdown(Date.now() + 10_000)
  }

  get queued(): number {
    return this.own('otelcol_exporter_queue_size', { data_type: 'flows' })
  }

  own(metric: string, labels = {}): number {
    return ownMetric(this.#context, metric, { exporter: this.name, ...labels })
  }

  async run(seconds: number): Promise<void> {
    for (let i = 0; i < seconds * BATCHES_PER_SECOND; i++) {
      this.#offer()
      this.mostQueued = Math.max(this.mostQueued, this.queued)
      await setTimeout(1_000 / BATCHES_PER_SECOND)
    }
  }

  /** Numbers of its flows among those that arrived. */
  arrived(otelcol: Otelcol): number[] {
    const addresses = otelcol.logRecords().map(({ attributes }) => plainAttributes(attributes)['source.address'])
    const numbers = addresses.map((address) => flowNumber(String(address)))
    return numbers
      .filter((number) => number >= this.#first && number < this.#first + this.offered)
      .sort((a, b) => a - b)
  }

  #offer(): void {
    const from = this.#first + this.offered
    this.offered += BATCH
    try {
      this.#exporter.consume(numberedBatch(from, BATCH))
      for (let flow = from; flow < from + BATCH; flow++) this.accepted.push(flow)
    } catch (error) {
      assert.instance(error, RefusedError)
    }
  }
}

const outage = suite('a Collector that is away under load, and comes back')
let otelcol: Otelcol

outage.before.each(async () => {
  otelcol = await Otelcol.prepare()
})
outage.after.each(() => otelcol.clear())

outage('what waits is bounded, what was accepted arrives once, what was refused is counted', async () => {
  const loads = [
    new Load('otlp_grpc', 0, (context) => flowExporter(context, otlpConfig(`127.0.0.1:${otelcol.port}`, SETTINGS))),
    new Load('otlp_http', 2 ** 24, (context) =>
      httpFlowExporter(context, otlpHttp(`http://127.0.0.1:${otelcol.httpPort}`, SETTINGS)),
    ),
  ]
  const all = <T>(work: (load: Load) => Promise<T>) => Promise.all(loads.map(work))
  await otelcol.start()
  await all((load) => load.start())
  await all((load) => load.run(1))
  await eventually(
    'the first flows',
    () => loads.every((load) => load.arrived(otelcol).length === load.accepted.length) || undefined,
  )
  await otelcol.stop()
  await all((load) => load.run(AWAY_SECONDS))
  await otelcol.start()
  await all((load) => load.run(1))
  await eventually('empty queues', () => loads.every(({ queued }) => queued === 0) || undefined)
  await all((load) => load.stop())
  for (const load of loads) {
    await eventually('the records', () => load.arrived(otelcol).length >= load.accepted.length || undefined)
    assert.equal(load.arrived(otelcol), load.accepted, load.name)
    assert.ok(load.mostQueued <= QUEUED)
    assert.ok(load.offered > load.accepted.length)
    assert.is(load.own('otelcol_exporter_enqueue_failed_flows'), load.offered - load.accepted.length)
    assert.is(load.own('otelcol_exporter_sent_flows'), load.accepted.length)
    assert.is(load.own('otelcol_exporter_send_failed_flows'), 0)
  }
})

outage.run()
