import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import type { OtlpSignal } from '../../pipeline/otlp/answer.ts'
import { checkOtlp, type OtlpConfig, otlpSchema } from '../../pipeline/otlp/settings.ts'
import { queueExtensions } from '../../pipeline/sending-queue/open-queue.ts'
import { type ClientAuthConfig, checkClientAuth, clientAuthSchema } from '../../pipeline/settings/client-auth.ts'
import { checkTlsClient, type TlsClientConfig, tlsClientSchema } from '../../pipeline/settings/tls-client.ts'

export type HttpCompression = 'gzip' | 'zstd' | 'none'

export interface OtlpHttpConfig extends OtlpConfig {
  /** Base of the URLs of all signals; `''` = each has its own. */
  endpoint: string
  logs_endpoint: string
  metrics_endpoint: string
  tls: TlsClientConfig
  headers: Record<string, string>
  auth: ClientAuthConfig
  compression: HttpCompression
  /** `''` = what the environment says. */
  proxy_url: string
}

// Whether TLS is spoken says the URL.
const { insecure: _, ...tlsSchema } = tlsClientSchema

export const otlpHttpConfig: ConfigSpec<OtlpHttpConfig> = {
  schema: {
    endpoint: {
      doc: 'URL of the server; `/v1/logs` and `/v1/metrics` are added; `https://` speaks TLS',
      format: String,
      default: '',
    },
    logs_endpoint: { doc: 'whole URL for flows, instead of `endpoint`', format: String, default: '' },
    metrics_endpoint: { doc: 'whole URL for metrics, instead of `endpoint`', format: String, default: '' },
    tls: tlsSchema,
    headers: { doc: 'sent with every request', format: 'string-map', default: {}, sensitive: true },
    auth: clientAuthSchema,
    compression: { doc: 'of the requests', format: ['gzip', 'zstd', 'none'], default: 'gzip' },
    proxy_url: {
      doc: 'URL of an HTTP proxy; empty: as HTTP_PROXY, HTTPS_PROXY and NO_PROXY say',
      format: String,
      default: '',
      sensitive: true,
    },
    ...otlpSchema('30s'),
  },
  extensions: queueExtensions,
  check: (config) => [
    ...checkUrls(config),
    ...checkHeaders(config.headers),
    ...checkTlsClient(config.tls, ['tls']),
    ...checkClientAuth(config.auth, isPlain(config)),
    ...checkOtlp(config),
  ],
}

/** Where requests of a signal go; undefined when nothing says so. */
export function signalUrl(config: OtlpHttpConfig, signal: OtlpSignal): string | undefined {
  const own = signal === 'logs' ? config.logs_endpoint : config.metrics_endpoint
  if (own !== '') return own
  return config.endpoint === '' ? undefined : `${config.endpoint.replace(/\/+$/, '')}/v1/${signal}`
}

const URLS = ['endpoint', 'logs_endpoint', 'metrics_endpoint', 'proxy_url'] as const

function checkUrls(config: OtlpHttpConfig): Problem[] {
  const problems = URLS.filter((key) => config[key] !== '' && !isHttpUrl(config[key])).map((key) => ({
    path: [key],
    message: 'expected a URL such as "https://collector:4318"',
  }))
  if (config.endpoint !== '' || config.logs_endpoint !== '' || config.metrics_endpoint !== '') return problems
  return [...problems, { path: ['endpoint'], message: 'requires a non-empty "endpoint"' }]
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text)
}

/** Whether a secret would go out in plain text. */
function isPlain(config: OtlpHttpConfig): boolean {
  return [config.endpoint, config.logs_endpoint, config.metrics_endpoint].some((url) => url.startsWith('http://'))
}

/** Set by the exporter itself. */
const RESERVED: ReadonlySet<string> = new Set(['content-type', 'content-encoding', 'content-length', 'host'])

/** What HTTP takes; Node would refuse the rest when sending. */
function checkHeaders(headers: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const path = ['headers', name]
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/i.test(name)) return [{ path, message: 'no name of an HTTP header' }]
    if (RESERVED.has(name.toLowerCase())) return [{ path, message: 'this header is set by the exporter itself' }]
    return /^[\t -~]*$/.test(value) ? [] : [{ path, message: 'a header value has printable ASCII characters only' }]
  })
}
