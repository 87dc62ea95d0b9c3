import type { ConfigSpec } from '../../pipeline/component.ts'
import { checkHttpServer, type HttpServerConfig, httpServerSchema } from '../../pipeline/settings/http-server.ts'

/** Settings of the `health_check` extension, with the Collector's keys and defaults. */
export interface HealthCheckConfig extends HttpServerConfig {
  path: string
  response_body: {
    /** Body instead of the JSON; `''` = the JSON. */
    healthy: string
    unhealthy: string
  }
}

export const healthCheckConfig: ConfigSpec<HealthCheckConfig> = {
  schema: {
    ...httpServerSchema('localhost:13133'),
    path: { doc: 'path of the answer', format: String, default: '/' },
    response_body: {
      healthy: { doc: 'body instead of the JSON while ready', format: String, default: '' },
      unhealthy: { doc: 'body instead of the JSON while not ready', format: String, default: '' },
    },
  },
  check: ({ path, ...server }) => [
    ...checkHttpServer(server),
    ...(path.startsWith('/')
      ? []
      : [{ path: ['path'], message: `path must start with /, got ${JSON.stringify(path)}` }]),
  ],
}
