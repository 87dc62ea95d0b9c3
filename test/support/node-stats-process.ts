/** The `node_stats` receiver in a process of its own, three readings of its namespace; prints what it logged and told as JSON. */
import { RunningNodeStats } from './node-stats.ts'

const running = await RunningNodeStats.start({ driver: { enabled: true, statistics: [], max_statistics: 100 } })
await running.read('system.network.io')
await running.read('system.network.io')
const { context, receiver } = running
const metrics = receiver.source.families().filter((family) => family.size > 0)
const failures = context.telemetry.families().find(({ name }) => name === 'fovea_node_stats_read_failures')
const failed = [...(failures?.ids() ?? [])].reduce((sum, id) => sum + (failures?.value(id) ?? 0), 0)
const lines = context.lines.map(({ msg }) => msg)
console.log(JSON.stringify({ lines, metrics: metrics.map(({ name }) => name), failures: failed }))
await running.stop()
process.exit(0)
