import type { Family } from '../../metrics/family.ts'
import type { Counter, Telemetry } from '../../pipeline/telemetry.ts'
import type { Removals } from './series-keeper.ts'

/** Own metrics of the connector: how full each table is, what found no room, and what was removed. */
export class SeriesMetrics {
  readonly #telemetry: Telemetry
  readonly #connector: string
  readonly #removed: Readonly<Record<keyof Removals, Counter>>
  readonly #ends = new Map<Family, (() => void)[]>()

  /** @param connector id of the component */
  constructor(telemetry: Telemetry, connector: string) {
    this.#telemetry = telemetry
    this.#connector = connector
    const removed = (reason: string) =>
      telemetry.counter(
        'fovea_connector_removed_series_total',
        'Series removed, because an end of them is gone or because they did not change',
        { connector, reason },
      )
    this.#removed = { gone: removed('gone'), idle: removed('idle') }
  }

  watch(family: Family): void {
    const labels = { connector: this.#connector, metric: family.name }
    const overflows = 'Times that a new label set of a metric found no room and went to its overflow series'
    const [series, refused] = [() => family.size, () => family.refused]
    this.#ends.set(family, [
      this.#telemetry.gauge('fovea_connector_series', 'Series of a metric', labels, series),
      this.#telemetry.countOf('fovea_connector_overflows_total', overflows, labels, refused),
    ])
  }

  removed({ gone = 0, idle = 0 }: Partial<Removals>): void {
    this.#removed.gone.add(gone)
    this.#removed.idle.add(idle)
  }

  /** A family is gone. */
  unwatch(family: Family): void {
    for (const end of this.#ends.get(family) ?? []) end()
    this.#ends.delete(family)
  }

  /** All of them are. */
  end(): void {
    for (const family of [...this.#ends.keys()]) this.unwatch(family)
  }
}
