import type { CreateContext } from '../../pipeline/component.ts'
import { readLimited } from '../../pipeline/config/limited-file.ts'
import type { MetricSet } from './metric-set.ts'
import { readMetricsFile } from './metrics-file.ts'

/** Largest file that is read. */
const MAX_FILE_BYTES = 1024 * 1024

const HELP = 'Changes of metrics that the file of dynamic_config made, and readings of it that failed'

/** Keeps the metrics as a file lists them, which is read again and again. A file that is bad changes nothing. */
export class DynamicMetrics {
  readonly #path: string
  readonly #intervalMs: number
  readonly #context: CreateContext
  readonly #metrics: MetricSet
  #content: string | undefined
  /** What was complained of last: the same is not said again every few seconds. */
  #complaint = ''
  #timer: NodeJS.Timeout | undefined
  #reading: Promise<void> | undefined

  constructor({ path, interval }: { path: string; interval: number }, context: CreateContext, metrics: MetricSet) {
    this.#path = path
    this.#intervalMs = interval
    this.#context = context
    this.#metrics = metrics
  }

  /** Begins with the file as it is; one that is missing or bad may become a good one later. */
  async start(): Promise<void> {
    for (const op of ['add', 'update', 'remove', 'failure']) this.#count(op, 0)
    await this.#refresh()
    this.#timer = setInterval(() => void this.#refresh(), this.#intervalMs).unref()
  }

  async shutdown(): Promise<void> {
    clearInterval(this.#timer)
    await this.#reading
  }

  /** One reading at a time; never rejects. */
  #refresh(): Promise<void> {
    this.#reading ??= this.#read()
      .then(
        () => this.#complain(''),
        (error: Error) => {
          this.#count('failure', 1)
          this.#complain(error.message)
        },
      )
      .finally(() => {
        this.#reading = undefined
      })
    return this.#reading
  }

  /** @throws Error what is wrong with the file */
  async #read(): Promise<void> {
    const content = await readLimited(this.#path, MAX_FILE_BYTES)
    if (content === this.#content) return
    const changes = this.#metrics.apply(readMetricsFile(content, this.#path))
    this.#content = content
    for (const [op, times] of Object.entries(changes)) this.#count(op, times)
    const { add, update, remove } = changes
    this.#context.log.info(`Metrics are as ${this.#path} says: ${add} added, ${update} updated, ${remove} removed`)
  }

  #count(op: string, times: number): void {
    const { telemetry, id } = this.#context
    telemetry.counter('fovea_connector_reconfigurations_total', HELP, { connector: id, op }).add(times)
  }

  #complain(complaint: string): void {
    const { log, report } = this.#context
    if (complaint === this.#complaint) return
    this.#complaint = complaint
    if (complaint === '') {
      report({ at: 'ok' })
      return
    }
    log.error(`Metrics stay as they are: ${complaint}`)
    report({ at: 'recoverable_error', error: new Error(complaint) })
  }
}
