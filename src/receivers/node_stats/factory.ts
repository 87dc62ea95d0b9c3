import type { ReceiverFactory } from '../../pipeline/component.ts'
import { type NodeStatsConfig, nodeStatsConfig } from './config.ts'
import { NodeStatsReceiver } from './receiver.ts'

/** Statistics of this machine's network: interfaces, sockets, protocols, connection tracking, InfiniBand. */
export const nodeStatsFactory: ReceiverFactory<NodeStatsConfig> = {
  type: 'node_stats',
  config: nodeStatsConfig,
  metrics: async (context, config) => new NodeStatsReceiver(context, config),
}
