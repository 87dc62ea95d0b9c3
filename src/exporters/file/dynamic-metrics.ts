import type { Telemetry } from '../../pipeline/telemetry.ts'

export type Operation = 'add' | 'update' | 'remove' | 'failure'

const PREFIX = 'hubble_dynamic_exporter_'

/** What Hubble's dynamic exporter tells of itself, under its names, with the exporter's id as one more label. */
export class DynamicMetrics {
  readonly #telemetry: Telemetry
  readonly #exporter: string
  readonly #active: () => readonly boolean[]
  readonly #ends: (() => void)[] = []
  /** By name of the flow log. */
  readonly #logs = new Map<string, () => void>()
  #hash = 0
  #appliedSeconds = 0

  /** @param active for each flow log whether it writes */
  constructor(telemetry: Telemetry, exporter: string, active: () => readonly boolean[]) {
    this.#telemetry = telemetry
    this.#exporter = exporter
    this.#active = active
  }

  start(): void {
    const count = (wanted: boolean) => () => this.#active().filter((active) => active === wanted).length
    const help = 'Flow logs by whether they write: inactive ones are past their end.'
    this.#gauge('exporters_total', help, { status: 'active' }, count(true))
    this.#gauge('exporters_total', help, { status: 'inactive' }, count(false))
    this.#gauge('config_hash', 'Hash of the description that is in force.', {}, () => this.#hash)
    this.#gauge('config_last_applied', 'When it came into force, in Unix seconds.', {}, () => this.#appliedSeconds)
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end()
    for (const name of [...this.#logs.keys()]) this.forget(name)
  }

  /** A new description is in force. @param hash the first 8 bytes of its MD5 */
  applied(hash: bigint): void {
    this.#hash = Number(hash)
    this.#appliedSeconds = Date.now() / 1000
  }

  reconfigured(op: Operation): void {
    const help = 'Changes of flow logs, and those that failed.'
    this.#telemetry.counter(`${PREFIX}reconfigurations_total`, help, { op, exporter: this.#exporter }).add(1)
  }

  /** Tells of one flow log. */
  tell(name: string, active: () => boolean): void {
    const labels = { name, exporter: this.#exporter }
    this.#logs.set(
      name,
      this.#telemetry.gauge(`${PREFIX}up`, 'Whether a flow log writes.', labels, () => Number(active())),
    )
  }

  forget(name: string): void {
    this.#logs.get(name)?.()
    this.#logs.delete(name)
  }

  #gauge(name: string, help: string, labels: Record<string, string>, read: () => number): void {
    this.#ends.push(this.#telemetry.gauge(PREFIX + name, help, { ...labels, exporter: this.#exporter }, read))
  }
}
