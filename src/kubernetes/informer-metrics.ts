import type { Counter, Telemetry } from '../pipeline/telemetry.ts'
import { ApiError } from './api-error.ts'

/** What an informer counts of itself, by resource. */
export class InformerMetrics {
  readonly relists: Counter
  readonly events: Counter
  readonly #telemetry: Telemetry
  readonly #resource: string
  readonly #endGauge: () => void

  /** @param size how many objects are held now */
  constructor(telemetry: Telemetry, resource: string, size: () => number) {
    this.#telemetry = telemetry
    this.#resource = resource
    const labels = { resource }
    this.relists = telemetry.counter('fovea_kubernetes_lists', 'Complete lists that were begun.', labels)
    this.events = telemetry.counter('fovea_kubernetes_watch_events', 'Events that watches brought.', labels)
    this.#endGauge = telemetry.gauge('fovea_kubernetes_objects', 'Objects held, trimmed.', labels, size)
  }

  /** @param otherwise the reason where the error is no answer of the API server */
  failed(error: unknown, otherwise = 'connection'): void {
    const reason = error instanceof ApiError ? String(error.status) : otherwise
    const help = 'Lists and watches that ended in an error, by HTTP status; objects that could not be read.'
    this.#telemetry.counter('fovea_kubernetes_watch_errors', help, { resource: this.#resource, reason }).add(1)
  }

  end(): void {
    this.#endGauge()
  }
}
