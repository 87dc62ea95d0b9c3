import type { ConfigSpec } from '../../pipeline/component.ts'
import { checkTlsServer, type TlsServerConfig, tlsServerSchema } from '../../pipeline/settings/tls-server.ts'

export interface PrometheusConfig {
  endpoint: string
  enable_open_metrics: boolean
  tls: TlsServerConfig
  /** Milliseconds. */
  write_timeout: number
  /** Milliseconds. */
  read_header_timeout: number
  max_concurrent_scrapes: number
}

export const prometheusConfig: ConfigSpec<PrometheusConfig> = {
  schema: {
    endpoint: { doc: 'host:port to listen on', format: 'endpoint', default: 'localhost:9965' },
    enable_open_metrics: {
      doc: 'answer in OpenMetrics 1.0 where the scraper prefers it',
      format: Boolean,
      default: false,
    },
    tls: tlsServerSchema,
    write_timeout: {
      doc: 'longest time for one answer; a slower scraper is cut off',
      format: 'positive-duration',
      default: '30s',
    },
    read_header_timeout: {
      doc: 'longest time for the head of a request',
      format: 'positive-duration',
      default: '1m',
    },
    max_concurrent_scrapes: {
      doc: 'answers being written at one time; further scrapes get 503',
      format: 'positive-int',
      default: 8,
    },
  },
  check: (config) => checkTlsServer(config.tls, ['tls']),
}
