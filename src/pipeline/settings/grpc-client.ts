import type { Problem } from '../component.ts'
import { checkTlsClient, isPlainText, type TlsClientConfig, tlsClientSchema } from './tls-client.ts'

/** Settings of every gRPC client, with the Collector's keys (`configgrpc.ClientConfig`). */
export interface GrpcClientConfig {
  endpoint: string
  tls: TlsClientConfig
  headers: Record<string, string>
  compression: 'gzip' | 'none'
  keepalive: { time: number; timeout: number; permit_without_stream: boolean }
}

/** Schema of the settings; spread it into a component's own. */
export const grpcClientSchema = {
  endpoint: { doc: 'host:port of the server', format: 'grpc-target', default: '' },
  tls: tlsClientSchema,
  headers: { doc: 'sent with every request', format: 'string-map', default: {}, sensitive: true },
  compression: { doc: 'of the requests', format: ['gzip', 'none'], default: 'gzip' },
  keepalive: {
    time: { doc: 'idle time before a ping; 0 = no pings', format: 'duration', default: '0s' },
    timeout: { doc: 'how long to wait for the answer to a ping', format: 'duration', default: '20s' },
    permit_without_stream: { doc: 'ping without a request in flight', format: Boolean, default: false },
  },
}

/** What settings alone cannot tell. */
export function checkGrpcClient(config: GrpcClientConfig): Problem[] {
  const missing = config.endpoint === '' ? [{ path: ['endpoint'], message: 'requires a non-empty "endpoint"' }] : []
  return [...missing, ...checkHeaders(config.headers), ...checkTlsClient(config.tls, ['tls'])]
}

/** Whether nothing is encrypted: as in the Collector `http://` switches TLS off. */
export function isPlainTarget({ endpoint, tls }: Pick<GrpcClientConfig, 'endpoint' | 'tls'>): boolean {
  return endpoint.startsWith('http://') || isPlainText(tls)
}

/** What gRPC takes as metadata; it would refuse the rest at the start and print values, which may be secret. */
const HEADER_NAME = /^[0-9a-z_.-]+$/i
const HEADER_VALUE = /^[ -~]*$/

function checkHeaders(headers: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const path = ['headers', name]
    if (!HEADER_NAME.test(name)) return [{ path, message: 'a header name has letters, digits and - _ . only' }]
    if (name.toLowerCase().endsWith('-bin')) return [{ path, message: 'binary headers (-bin) are not supported' }]
    return HEADER_VALUE.test(value) ? [] : [{ path, message: 'a header value has printable ASCII characters only' }]
  })
}
