import type { ConfigSpec } from '../../pipeline/component.ts'
import { checkHttpServer, type HttpServerConfig, httpServerSchema } from '../../pipeline/settings/http-server.ts'

/** Settings of the `zpages` extension, with the Collector's keys and defaults. */
export type ZpagesConfig = HttpServerConfig

export const zpagesConfig: ConfigSpec<ZpagesConfig> = {
  schema: httpServerSchema('localhost:55679'),
  check: checkHttpServer,
}
