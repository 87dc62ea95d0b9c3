import { checkFlowFilters } from '../../hubble/filters/read-json.ts'
import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { checkGrpcClient, type GrpcClientConfig, grpcClientSchema } from '../../pipeline/settings/grpc-client.ts'

/** Settings of the `hubble` receiver. Durations are milliseconds. */
export interface HubbleReceiverConfig extends Omit<GrpcClientConfig, 'compression'> {
  peers: boolean
  max_peers: number
  last: number
  /** Filters as written; `readFlowFilters` reads them. */
  include: unknown[]
  exclude: unknown[]
  merge: { max_flows: number; max_delay: number }
  retry: { initial_interval: number; max_interval: number }
  max_endpoints: number
  max_recv_msg_size_mib: number
}

const { compression: _, ...clientSchema } = grpcClientSchema

/** What a column of indexes can hold. */
const MOST_WAITING = 1 << 20

export const hubbleReceiverConfig: ConfigSpec<HubbleReceiverConfig> = {
  schema: {
    ...clientSchema,
    // Go servers end connections that ping more often than every five minutes.
    keepalive: { ...clientSchema.keepalive, time: { ...clientSchema.keepalive.time, default: '6m' } },
    peers: {
      doc: 'ask the endpoint for the nodes of the cluster (Peer.Notify) and follow each of them, instead of the endpoint itself',
      format: Boolean,
      default: false,
    },
    max_peers: { doc: 'most nodes followed; further ones are refused', format: 'positive-int', default: 512 },
    last: { doc: 'flows of the past each observer is asked for at first', format: 'nat', default: 0 },
    include: {
      doc: 'flow filters (fields of flow.FlowFilter); observers send flows that one of them matches; empty: all',
      format: 'array',
      default: [],
    },
    exclude: { doc: 'flow filters; observers send no flow that one of them matches', format: 'array', default: [] },
    merge: {
      max_flows: {
        doc: 'flows that wait at most to be put in the order of their times',
        format: 'positive-int',
        default: 16_384,
      },
      max_delay: {
        doc: 'how long a flow waits at most for earlier ones of other nodes',
        format: 'positive-duration',
        default: '1s',
      },
    },
    retry: {
      initial_interval: {
        doc: 'wait before the second attempt to connect',
        format: 'positive-duration',
        default: '1s',
      },
      max_interval: { doc: 'longest wait between two attempts', format: 'positive-duration', default: '30s' },
    },
    max_endpoints: {
      doc: 'different ends of flows known at a time; further ones stay unknown to filters and metrics',
      format: 'positive-int',
      default: 65_536,
    },
    max_recv_msg_size_mib: { doc: 'largest answer, in MiB', format: 'positive-int', default: 4 },
  },
  check: checkReceiver,
}

function checkReceiver(config: HubbleReceiverConfig): Problem[] {
  const problems = [
    ...checkGrpcClient({ ...config, compression: 'none' }),
    ...checkFlowFilters(config.include, ['include']),
    ...checkFlowFilters(config.exclude, ['exclude']),
  ]
  if (config.retry.max_interval < config.retry.initial_interval)
    problems.push({ path: ['retry', 'max_interval'], message: "must not be less than 'initial_interval'" })
  for (const [path, value] of [
    [['merge', 'max_flows'], config.merge.max_flows],
    [['max_endpoints'], config.max_endpoints],
  ] as const)
    if (value > MOST_WAITING) problems.push({ path, message: `must be ${MOST_WAITING} or less` })
  return problems
}
