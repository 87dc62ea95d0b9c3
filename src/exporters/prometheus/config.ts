import { NAME_STRATEGIES, type NameStrategy } from '../../metrics/prometheus-names.ts'
import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { checkHttpServer, type HttpServerConfig, httpServerSchema } from '../../pipeline/settings/http-server.ts'

export interface PrometheusConfig extends HttpServerConfig {
  namespace: string
  const_labels: Readonly<Record<string, string>>
  translation_strategy: NameStrategy
  enable_open_metrics: boolean
  enable_created_samples: boolean
  send_timestamps: boolean
  target_info: boolean
  resource_to_telemetry_conversion: { enabled: boolean }
  /** Milliseconds. */
  write_timeout: number
  max_concurrent_scrapes: number
}

export const prometheusConfig: ConfigSpec<PrometheusConfig> = {
  schema: {
    ...httpServerSchema('localhost:9965'),
    namespace: { doc: "stands before every metric's name, with an underscore", format: String, default: '' },
    const_labels: {
      doc: 'labels of every series; a series that has one of that name itself keeps its own',
      format: 'string-map',
      default: {},
    },
    translation_strategy: {
      doc: 'whether names get units and _total, and whether characters that old scrapers do not read are replaced: UnderscoreEscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes or NoTranslation',
      format: [...NAME_STRATEGIES],
      default: 'UnderscoreEscapingWithSuffixes',
    },
    enable_open_metrics: {
      doc: 'answer in OpenMetrics 1.0, with units and exemplars, where the scraper prefers it',
      format: Boolean,
      default: false,
    },
    enable_created_samples: {
      doc: 'in OpenMetrics, tell of each counter and histogram when it began (_created)',
      format: Boolean,
      default: false,
    },
    send_timestamps: {
      doc: 'give each sample the time it was read; Prometheus then no longer notices at once that a series ended',
      format: Boolean,
      default: false,
    },
    target_info: {
      doc: 'a series target_info whose labels are the resource of this service',
      format: Boolean,
      default: true,
    },
    resource_to_telemetry_conversion: {
      enabled: {
        doc: 'the resource of this service as labels of every series, as const_labels are',
        format: Boolean,
        default: false,
      },
    },
    write_timeout: {
      doc: 'longest time for one answer; a slower scraper is cut off',
      format: 'positive-duration',
      default: '30s',
    },
    max_concurrent_scrapes: {
      doc: 'answers being written at one time; further scrapes get 503',
      format: 'positive-int',
      default: 8,
    },
  },
  check: (config) => [...checkHttpServer(config), ...checkNames(config)],
}

function checkNames({ namespace, const_labels }: PrometheusConfig): Problem[] {
  const problems: Problem[] = []
  if (!/^([a-zA-Z_:][\w:]*)?$/.test(namespace))
    problems.push({ path: ['namespace'], message: 'has letters, digits, "_" and ":", and begins with no digit' })
  for (const name of Object.keys(const_labels)) {
    if (name === '' || name === 'le' || name.startsWith('__'))
      problems.push({ path: ['const_labels', name], message: 'Prometheus keeps "le" and "__…" to itself' })
  }
  return problems
}
