import { pino } from 'pino'
import { Operator } from '../../src/operator/operator.ts'
import { type OperatorSettings, operatorDefaults } from '../../src/operator/settings.ts'
import { eventually } from './eventually.ts'

/** An operator inside this process. */
export class RunningOperator {
  readonly operator: Operator
  readonly lines: string[] = []
  readonly #ending = new AbortController()
  readonly #running: Promise<Error | undefined>

  constructor(settings: Partial<OperatorSettings>) {
    const log = pino({ level: 'debug' }, { write: (line) => void this.lines.push(JSON.parse(line).msg) })
    const quick = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 300, gcIntervalMs: 300 }
    const all = { ...operatorDefaults(), ...quick, endpoint: 'localhost:0', qps: 2_000, burst: 2_000, ...settings }
    this.operator = new Operator(all, log, 'test')
    this.#running = this.operator.run(this.#ending.signal).then(
      () => undefined,
      (error) => error as Error,
    )
  }

  /** Resolves when it leads and has read the cluster. */
  async leading(): Promise<void> {
    await this.logged(/\d+ pods, \d+ identities/)
  }

  /** Resolves when a log line matches. */
  logged(pattern: RegExp): Promise<string> {
    return eventually(`${pattern} in the log:\n`, async () => this.lines.find((line) => pattern.test(line)))
  }

  /** Resolves when it ends by itself, with its error. */
  ended(): Promise<Error | undefined> {
    return this.#running
  }

  /** Value of one of its metrics, added up over labels that contain `labels`. */
  metric(name: string, ...labels: readonly string[]): number {
    const family = this.operator.telemetry.families().find((candidate) => candidate.name === name)
    let sum = 0
    for (const id of family?.ids() ?? [])
      if (labels.every((label) => family?.labelValues(id)?.includes(label))) sum += family?.value(id) ?? 0
    return sum
  }

  /** @throws what it ended with */
  async stop(): Promise<void> {
    this.#ending.abort()
    const error = await this.#running
    if (error !== undefined) throw error
  }
}
