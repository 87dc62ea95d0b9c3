import type { ServerOptions } from '@grpc/grpc-js'

/** `keepalive` of a gRPC server, with the Collector's keys (`configgrpc.KeepaliveServerConfig`); times in milliseconds. */
export interface GrpcServerKeepalive {
  server_parameters: {
    max_connection_idle: number
    max_connection_age: number
    max_connection_age_grace: number
    time: number
    timeout: number
  }
}

/** Schema of the section. */
export const grpcServerKeepaliveSchema = {
  server_parameters: {
    max_connection_idle: {
      doc: 'close a connection without calls after this; 0 = never',
      format: 'duration',
      default: '0s',
    },
    max_connection_age: {
      doc: 'ask clients to connect anew after this, ± 10 %; 0 = never',
      format: 'duration',
      default: '0s',
    },
    max_connection_age_grace: {
      doc: 'and cut off what still runs after this much longer; 0 = never',
      format: 'duration',
      default: '0s',
    },
    time: { doc: 'ping clients that often, to find those that vanished', format: 'positive-duration', default: '60s' },
    timeout: { doc: 'how long to wait for the answer', format: 'positive-duration', default: '20s' },
  },
}

/** The same as options of a gRPC server. */
export function keepaliveOptions({ server_parameters: parameters }: GrpcServerKeepalive): ServerOptions {
  const whenSet = (name: string, ms: number) => (ms === 0 ? {} : { [name]: ms })
  return {
    'grpc.keepalive_time_ms': parameters.time,
    'grpc.keepalive_timeout_ms': parameters.timeout,
    ...whenSet('grpc.max_connection_idle_ms', parameters.max_connection_idle),
    ...whenSet('grpc.max_connection_age_ms', parameters.max_connection_age),
    ...whenSet('grpc.max_connection_age_grace_ms', parameters.max_connection_age_grace),
  }
}
