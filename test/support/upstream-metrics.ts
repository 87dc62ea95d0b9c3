import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { peer } from './peers.ts'
import { TemporaryFolder } from './temporary-folder.ts'
import { writeEvents } from './upstream-observer.ts'

/** Metrics as a list like the option `hubble-metrics`, or as the text of a file of dynamic metrics. */
export type MetricsRequest = { static: string } | { dynamic: string }

/** What `/metrics` shows then to a reader of OpenMetrics, or why the metrics are refused. */
export type MetricsAnswer = { text?: string; error?: string }

/** Hubble's own metric handlers over some flows. */
export class UpstreamMetrics {
  readonly #folder = new TemporaryFolder()
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  /** @param events encoded `observer.GetFlowsResponse`s, or `ExportEvent`s, which have the same fields */
  constructor(events: readonly Uint8Array[]) {
    const file = this.#folder.at('events')
    writeEvents(file, events)
    this.#child = spawn(peer('hubble-upstream'), ['metrics', '-events', file], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  /** Counts all flows anew; one request at a time. */
  async count(request: MetricsRequest): Promise<MetricsAnswer> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('hubble-upstream ended')
    return JSON.parse(value)
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin!.end()
    await ended
    this.#folder.remove()
  }
}
