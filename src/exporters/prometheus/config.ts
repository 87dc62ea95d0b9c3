import type { ConfigSpec } from '../../pipeline/component.ts'
import { checkHttpServer, type HttpServerConfig, httpServerSchema } from '../../pipeline/settings/http-server.ts'

export interface PrometheusConfig extends HttpServerConfig {
  enable_open_metrics: boolean
  /** Milliseconds. */
  write_timeout: number
  max_concurrent_scrapes: number
}

export const prometheusConfig: ConfigSpec<PrometheusConfig> = {
  schema: {
    ...httpServerSchema('localhost:9965'),
    enable_open_metrics: {
      doc: 'answer in OpenMetrics 1.0 where the scraper prefers it',
      format: Boolean,
      default: false,
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
  check: checkHttpServer,
}
