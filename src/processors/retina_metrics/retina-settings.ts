import type { FamilyOptions } from '../../metrics/family.ts'
import type { HandlerSettings } from '../hubble_metrics/handlers/handler.ts'
import type { PodSides } from './pod-sides.ts'

/** What the handlers of Retina's metrics are made with. */
export interface RetinaSettings {
  /** Families without labels of ends. */
  node: HandlerSettings
  sides: PodSides
}

/**
 * Retina's name for a metric. All of Retina's are gauges here, its counters as well: those have no `_total`, which a counter gets
 * when it is written for Prometheus.
 */
export function retinaGauge(name: string, help: string, ...labels: string[]): FamilyOptions {
  return { name: `networkobservability_${name}`, help, kind: 'gauge', labels }
}
