import { uptime } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Family } from '../../metrics/family.ts'
import { SeriesProducer } from '../../metrics/producer.ts'
import type { MetricSource, Temporality, UndoableProducer } from '../../metrics/source.ts'
import { type Component, type CreateContext, NothingToObserveError } from '../../pipeline/component.ts'
import type { NodeStatsConfig } from './config.ts'
import { FileReader } from './file-reader.ts'
import { hostPaths } from './host-paths.ts'
import { KernelReader } from './kernel-reader.ts'
import type { NodeFamilies } from './node-families.ts'
import { otelFamilies } from './otel-families.ts'
import { ReadFailures } from './read-failures.ts'
import { retinaFamilies } from './retina-families.ts'

/** A reading takes milliseconds; a reader of metrics does not wait longer than this for one that hangs. */
const MAX_WAIT_MS = 5_000

/** Statistics of this machine's network, read from the kernel whenever somebody reads the metrics out. */
export class NodeStatsReceiver implements Component {
  readonly source: MetricSource
  readonly #context: CreateContext
  readonly #intervalMs: number
  readonly #clock: () => number
  readonly #failures: ReadFailures
  readonly #kernel: KernelReader
  readonly #files: FileReader
  readonly #families: NodeFamilies
  #started = false
  /** Unix milliseconds since which a series that comes up now has been counting: the boot, then the last reading. */
  #countingSinceMs: number
  #readMs = Number.NEGATIVE_INFINITY
  #tookMs = 0
  #reading: Promise<void> | undefined
  #ends: (() => void)[] = []

  constructor(context: CreateContext, config: NodeStatsConfig, clock: () => number = Date.now) {
    const paths = hostPaths(config.root_path)
    this.#context = context
    this.#intervalMs = config.collection_interval
    this.#clock = clock
    this.#countingSinceMs = clock() - uptime() * 1_000
    this.#failures = new ReadFailures(context)
    this.#kernel = new KernelReader(config, paths, this.#failures)
    this.#files = new FileReader(config, paths, this.#failures)
    const names = config.names === 'retina' ? retinaFamilies : otelFamilies
    const { cardinality_limit: limit, conntrack } = config
    this.#families = names({ limit, perCpu: conntrack.per_cpu, clock: () => this.#countingSinceMs })
    this.source = {
      refresh: () => this.#refresh(),
      families: () => this.#families.families,
      producer: (temporality) => this.#producer(temporality),
    }
  }

  /** Rejects with {@link NothingToObserveError} on another operating system. */
  async start(): Promise<void> {
    if (process.platform !== 'linux')
      throw new NothingToObserveError(`node_stats reads a Linux kernel: there is none on ${process.platform}`)
    this.#kernel.open()
    this.#started = true
    this.#addOwnMetrics()
    // What cannot be read is told now, not at the first read-out.
    await this.#refresh()
  }

  async shutdown(): Promise<void> {
    this.#started = false
    for (const end of this.#ends.splice(0)) end()
    await this.#reading
    this.#kernel.close()
  }

  /** Ends when the families are no older than the interval, or a reading takes too long. */
  async #refresh(): Promise<void> {
    if (!this.#started || this.#clock() - this.#readMs < this.#intervalMs) return
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    const patience = new AbortController()
    const late = setTimeout(MAX_WAIT_MS, true, { signal: patience.signal, ref: false }).catch(() => false)
    if (await Promise.race([this.#reading.then(() => false), late])) this.#failures.late(MAX_WAIT_MS)
    patience.abort()
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    const startMs = this.#clock()
    try {
      const [kernel, files] = await Promise.all([this.#kernel.read(), this.#files.read()])
      this.#families.update({ ...kernel, ...files })
      this.#readMs = startMs
      this.#countingSinceMs = startMs
    } catch (cause) {
      this.#failures.thrown('netlink', "the kernel's statistics", cause)
    }
    this.#tookMs = this.#clock() - startMs
  }

  #producer(temporality: Temporality): UndoableProducer {
    const series = new SeriesProducer(() => this.#families.families, temporality)
    return {
      collect: async () => {
        await this.#refresh()
        return series.collect()
      },
      undo: () => series.undo(),
    }
  }

  #addOwnMetrics(): void {
    const { telemetry, id } = this.#context
    const receiver = { receiver: id }
    const leftOut = () => this.#kernel.leftOut + this.#files.leftOut
    const gauge = (name: string, help: string, read: () => number) =>
      this.#ends.push(telemetry.gauge(`fovea_node_stats_${name}`, help, receiver, read))
    gauge('reading_seconds', 'Time that the last reading took.', () => this.#tookMs / 1_000)
    gauge('left_out', 'Interfaces, statistics and files that the last reading left out.', leftOut)
    gauge('series', 'Series of this receiver.', () => this.#sum((family) => family.size))
    const overflows = 'Times that a label set of a reading found no room and went to the overflow series of its metric.'
    const refused = () => this.#sum((family) => family.refused)
    this.#ends.push(telemetry.countOf('fovea_node_stats_overflows', overflows, receiver, refused))
  }

  #sum(of: (family: Family) => number): number {
    return this.#families.families.reduce((sum, family) => sum + of(family), 0)
  }
}
