import { Catalog } from './pipeline/catalog.ts'

/** Every component; the code of one is imported only when a configuration names it. */
export const catalog = new Catalog([
  { kind: 'receiver', type: 'nop', load: async () => (await import('./receivers/nop/factory.ts')).factory },
  {
    kind: 'connector',
    type: 'hubble_metrics',
    load: async () => (await import('./processors/hubble_metrics/factory.ts')).hubbleMetricsFactory,
  },
  { kind: 'exporter', type: 'debug', load: async () => (await import('./exporters/debug/factory.ts')).debugFactory },
  { kind: 'exporter', type: 'nop', load: async () => (await import('./exporters/nop/factory.ts')).factory },
  {
    kind: 'exporter',
    type: 'prometheus',
    load: async () => (await import('./exporters/prometheus/factory.ts')).prometheusFactory,
  },
  {
    kind: 'extension',
    type: 'health_check',
    load: async () => (await import('./extensions/health_check/factory.ts')).factory,
  },
])
