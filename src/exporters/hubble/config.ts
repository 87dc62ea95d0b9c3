import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { type AuthConfig, authSchema, checkAuth } from '../../pipeline/settings/basic-auth.ts'
import { type GrpcServerKeepalive, grpcServerKeepaliveSchema } from '../../pipeline/settings/grpc-server-keepalive.ts'
import { checkTlsServer, type TlsServerConfig, tlsServerSchema } from '../../pipeline/settings/tls-server.ts'
import { checkHistory, type HistoryConfig, historySchema } from './history/config.ts'

export interface HubbleConfig {
  /** `host:port`; `''` = no TCP. */
  endpoint: string
  unix_socket: UnixSocketConfig
  tls: TlsServerConfig
  auth: AuthConfig
  max_flows: number
  max_bytes: number
  history: HistoryConfig
  max_connections: number
  max_concurrent_streams: number
  per_client: PerClientConfig
  max_recv_msg_size_mib: number
  keepalive: GrpcServerKeepalive
  /** Milliseconds. */
  lost_event_send_interval: number
  cluster_name: string
  advertise_address: string
}

export interface UnixSocketConfig {
  /** `''` = none. */
  path: string
  /** Permission bits. */
  mode: number
  /** Name or number; `''` = that of the process. */
  group: string
}

/** Limits of each client of the network. */
export interface PerClientConfig {
  max_connections: number
  max_concurrent_streams: number
  /** 0 = any number. */
  requests_per_second: number
  request_burst: number
}

export const hubbleConfig: ConfigSpec<HubbleConfig> = {
  schema: {
    endpoint: {
      doc: 'host:port to listen on; port 0 takes a free one; empty: unix socket alone',
      format: 'endpoint-or-none',
      default: 'localhost:4245',
    },
    unix_socket: {
      path: { doc: 'also listen on this unix socket, always in plain text; empty: none', format: String, default: '' },
      mode: { doc: 'permissions of the socket', format: 'file-mode', default: '0660' },
      group: { doc: "group of the socket, by name or number; empty: the process's", format: String, default: '' },
    },
    // Every client of Hubble speaks 1.3, and Cilium's agent takes no less.
    tls: { ...tlsServerSchema, min_version: { ...tlsServerSchema.min_version, default: '1.3' } },
    auth: authSchema,
    max_flows: { doc: 'flows kept for requests about the past', format: 'positive-int', default: 65_535 },
    max_bytes: {
      doc: 'most memory for them; the newest batch is kept whatever its size',
      format: 'positive-int',
      default: 64 * 1024 * 1024,
    },
    history: historySchema,
    max_connections: { doc: 'connections at one time; further ones are closed', format: 'positive-int', default: 512 },
    max_concurrent_streams: {
      doc: 'streams open at one time, of whatever service; further ones are refused',
      format: 'positive-int',
      default: 256,
    },
    per_client: {
      max_connections: { doc: 'connections of one client at one time', format: 'positive-int', default: 128 },
      max_concurrent_streams: { doc: 'streams of one client at one time', format: 'positive-int', default: 64 },
      requests_per_second: {
        doc: 'requests and new connections of one client on the long run; 0 = any number',
        format: 'nat',
        default: 100,
      },
      request_burst: { doc: 'as many of one client at once, after a pause', format: 'positive-int', default: 1_000 },
    },
    max_recv_msg_size_mib: { doc: 'largest request, in MiB', format: 'positive-int', default: 4 },
    keepalive: grpcServerKeepaliveSchema,
    lost_event_send_interval: {
      doc: 'how often at most a client is told that it was too slow',
      format: 'positive-duration',
      default: '1s',
    },
    cluster_name: { doc: 'name of the cluster, for hubble-relay', format: String, default: 'default' },
    advertise_address: {
      doc: "address under which hubble-relay finds this node; empty: the endpoint's, or this machine's first one",
      format: String,
      default: '',
    },
  },
  check: checkHubble,
}

function checkHubble(config: HubbleConfig): Problem[] {
  const problems = [
    ...checkTlsServer(config.tls, ['tls']),
    ...checkAuth(config.auth, config.tls),
    ...checkHistory(config.history, ['history']),
  ]
  if (config.endpoint === '' && config.unix_socket.path === '') {
    problems.push({ path: ['endpoint'], message: 'requires an "endpoint", a "unix_socket::path" or both' })
  }
  return problems
}
