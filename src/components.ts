import { Catalog } from './pipeline/catalog.ts'

/** Every component; the code of one is imported only when a configuration names it. */
export const catalog = new Catalog([
  { kind: 'receiver', type: 'ebpf', load: async () => (await import('./receivers/ebpf/factory.ts')).factory },
  {
    kind: 'receiver',
    type: 'hubble',
    load: async () => (await import('./receivers/hubble/factory.ts')).hubbleReceiverFactory,
  },
  {
    kind: 'receiver',
    type: 'node_stats',
    load: async () => (await import('./receivers/node_stats/factory.ts')).nodeStatsFactory,
  },
  { kind: 'receiver', type: 'nop', load: async () => (await import('./receivers/nop/factory.ts')).nopFactory },
  { kind: 'receiver', type: 'pcap', load: async () => (await import('./receivers/pcap/factory.ts')).pcapFactory },
  { kind: 'processor', type: 'dns', load: async () => (await import('./processors/dns/factory.ts')).dnsFactory },
  {
    kind: 'processor',
    type: 'filter',
    load: async () => (await import('./processors/filter/factory.ts')).filterFactory,
  },
  {
    kind: 'processor',
    type: 'kubernetes',
    load: async () => (await import('./processors/kubernetes/factory.ts')).kubernetesFactory,
  },
  {
    kind: 'processor',
    type: 'memory_limiter',
    load: async () => (await import('./processors/memory_limiter/factory.ts')).memoryLimiterFactory,
  },
  {
    kind: 'processor',
    type: 'redact',
    load: async () => (await import('./processors/redact/factory.ts')).redactFactory,
  },
  {
    kind: 'processor',
    type: 'sample',
    load: async () => (await import('./processors/sample/factory.ts')).sampleFactory,
  },
  {
    kind: 'connector',
    type: 'hubble_metrics',
    load: async () => (await import('./processors/hubble_metrics/factory.ts')).hubbleMetricsFactory,
  },
  {
    kind: 'connector',
    type: 'retina_metrics',
    load: async () => (await import('./processors/retina_metrics/factory.ts')).retinaMetricsFactory,
  },
  { kind: 'exporter', type: 'debug', load: async () => (await import('./exporters/debug/factory.ts')).debugFactory },
  { kind: 'exporter', type: 'file', load: async () => (await import('./exporters/file/factory.ts')).fileFactory },
  { kind: 'exporter', type: 'hubble', load: async () => (await import('./exporters/hubble/factory.ts')).hubbleFactory },
  { kind: 'exporter', type: 'nop', load: async () => (await import('./exporters/nop/factory.ts')).nopFactory },
  {
    kind: 'exporter',
    type: 'otlp_grpc',
    aliases: ['otlp'],
    load: async () => (await import('./exporters/otlp_grpc/factory.ts')).otlpGrpcFactory,
  },
  {
    kind: 'exporter',
    type: 'otlp_http',
    aliases: ['otlphttp'],
    load: async () => (await import('./exporters/otlp_http/factory.ts')).otlpHttpFactory,
  },
  {
    kind: 'exporter',
    type: 'prometheus',
    load: async () => (await import('./exporters/prometheus/factory.ts')).prometheusFactory,
  },
  {
    kind: 'extension',
    type: 'file_storage',
    load: async () => (await import('./extensions/file_storage/factory.ts')).fileStorageFactory,
  },
  {
    kind: 'extension',
    type: 'health_check',
    load: async () => (await import('./extensions/health_check/factory.ts')).healthCheckFactory,
  },
  {
    kind: 'extension',
    type: 'zpages',
    load: async () => (await import('./extensions/zpages/factory.ts')).zpagesFactory,
  },
])
