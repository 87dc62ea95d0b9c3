import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openNodeStatistics } from '../../native/node-statistics.ts'
import { root } from '../support/checkout.ts'
import { NetworkNamespace } from '../support/network-namespace.ts'
import { HostRoot, RunningNodeStats } from '../support/node-stats.ts'

/**
 * What a reading of `node_stats` costs in a namespace of many TCP sockets: time, CPU of all threads and delay of the event
 * loop, beside reading /proc/net/tcp for the same. Needs root. FOVEA_BENCH_SOCKETS
 * says how many (`0,5000,50000` by default). Prints a table, asserts nothing.
 */

const SOCKETS = (process.env.FOVEA_BENCH_SOCKETS ?? '0,5000,50000').split(',').map(Number)
const READINGS = 20
/** Of one process, which may have 20,000 files open. */
const MOST_CONNECTIONS = 8_500

const HOLDER = join(root, 'test/support/many-sockets-process.ts')
const results: Record<string, object> = {}

for (const sockets of SOCKETS) {
  const node = new NetworkNamespace('bench-stats')
  const holders: ChildProcess[] = []
  const host = await HostRoot.of(node)
  try {
    for (let left = sockets / 2; left > 0; left -= MOST_CONNECTIONS)
      holders.push(await hold(node, Math.min(left, MOST_CONNECTIONS)))
    await measureAll(`${sockets.toLocaleString('en')} sockets`, node, host)
  } finally {
    for (const holder of holders) holder.stdin?.end()
    await Promise.all(holders.map((holder) => once(holder, 'exit')))
    host.remove()
    node.remove()
  }
}
console.table(results)

async function hold(node: NetworkNamespace, connections: number): Promise<ChildProcess> {
  const [program, args] = node.command(process.execPath, HOLDER, String(connections))
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

async function measureAll(what: string, node: NetworkNamespace, host: HostRoot): Promise<void> {
  const statistics = openNodeStatistics(`${host.path}/proc/1/ns/net`)
  await measure(`${what}: states`, () => statistics.read({ sockets: true }))
  await measure(`${what}: states and 1,000 addresses`, () => statistics.read({ sockets: true, maxPeers: 1_000 }))
  const running = await RunningNodeStats.start({ root_path: host.path })
  await measure(`${what}: the whole receiver`, async () => running.receiver.source.refresh?.())
  await running.stop()
  const [program, args] = node.command('cat', '/proc/net/tcp')
  const read = () => execFileSync(program, args, { maxBuffer: 2 ** 26 })
  const start = performance.now()
  const bytes = read().length
  results[`${what}: cat /proc/net/tcp`] = {
    ms: (performance.now() - start).toFixed(1),
    'MB read': (bytes / 1e6).toFixed(1),
  }
}

async function measure(what: string, read: () => Promise<unknown>): Promise<void> {
  await read()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  for (let i = 0; i < READINGS; i++) await read()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  delay.disable()
  results[what] = {
    ms: (ms / READINGS).toFixed(1),
    'ms CPU': ((user + system) / 1_000 / READINGS).toFixed(1),
    'event loop, ms at most': (delay.max / 1e6).toFixed(1),
  }
}
