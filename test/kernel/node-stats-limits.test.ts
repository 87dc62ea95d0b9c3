import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ownMetric } from '../support/create-context.ts'
import { NetworkNamespace } from '../support/network-namespace.ts'
import { HostRoot, RunningNodeStats } from '../support/node-stats.ts'

/** What is not there, not allowed or not as it should be. */
const limits = suite('node_stats where something is missing')
let node: NetworkNamespace
let host: HostRoot
let running: RunningNodeStats | undefined

limits.before.each(async () => {
  node = new NetworkNamespace('nodelimits')
  host = await HostRoot.of(node)
})
limits.after.each(async () => {
  await running?.stop()
  running = undefined
  host.remove()
  node.remove()
})

async function start(settings: Parameters<typeof RunningNodeStats.start>[0] = {}): Promise<RunningNodeStats> {
  running = await RunningNodeStats.start({ root_path: host.path, ...settings })
  return running
}

/** Whatever the files are called, what they hold is the kernel's documented layout: one number each. */
function infinibandFiles(sys: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(sys, dirname(path)), { recursive: true })
    writeFileSync(join(sys, path), text)
  }
}

limits(
  'InfiniBand: counters of every port and debug values of interfaces; what holds no number is counted',
  async () => {
    infinibandFiles(host.emptySys(), {
      'class/infiniband/mlx5_0/ports/1/counters/port_rcv_data': '123456789012\n',
      'class/infiniband/mlx5_0/ports/1/counters/symbol_error': '0\n',
      'class/infiniband/mlx5_0/ports/1/hw_counters/out_of_sequence': '7\n',
      'class/infiniband/mlx5_0/ports/1/hw_counters/lifespan': '10\n',
      'class/infiniband/mlx5_0/ports/2/counters/port_rcv_data': 'N/A (no PMA)\n',
      'class/net/ib0/debug/lro_timeout': '5\n',
      'class/net/eth0/debug/other': '1\n',
    })
    const reading = await start()
    assert.equal(await reading.read('fovea.node.infiniband.counters'), {
      'mlx5_0 1 port_rcv_data': 123_456_789_012,
      'mlx5_0 1 symbol_error': 0,
      'mlx5_0 1 out_of_sequence': 7,
    })
    assert.equal(await reading.read('fovea.node.infiniband.status'), { 'ib0 lro_timeout': 5 })
    assert.is(ownMetric(reading.context, 'fovea_node_stats_left_out', { receiver: 'node_stats' }), 1)
    await reading.stop()
    const retina = await start({ names: 'retina' })
    assert.is((await retina.read('networkobservability_infiniband_counter_stats'))['out_of_sequence mlx5_0 1'], 7)
    assert.equal(await retina.read('networkobservability_infiniband_status_params'), { 'lro_timeout ib0': 5 })
  },
)

/** Reads its own namespace twice and tells what was logged and counted. */
const UNPRIVILEGED = new URL('../support/node-stats-process.ts', import.meta.url)

limits('without capabilities only counters of connection tracking are missing, which one line says', () => {
  execFileSync(...node.command('ip', 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb'))
  const told = JSON.parse(
    execFileSync(
      ...node.command(
        'setpriv',
        '--bounding-set=-all',
        '--inh-caps=-all',
        process.execPath,
        fileURLToPath(UNPRIVILEGED),
      ),
      { encoding: 'utf8' },
    ),
  ) as { lines: string[]; metrics: string[]; failures: number }
  assert.is(told.lines.length, 1, told.lines.join('\n'))
  assert.match(told.lines[0] ?? '', /counters of connection tracking: EPERM; give it CAP_NET_ADMIN/)
  assert.is(told.failures, 3)
  for (const name of ['network.io', 'network.connection.count', 'network.conntrack.count', 'network.conntrack.max'])
    assert.ok(told.metrics.includes(`system.${name}`), name)
  assert.ok(told.metrics.includes('fovea.node.interface.driver'))
  assert.not(told.metrics.includes('fovea.node.conntrack.events'))
})

limits('a namespace that cannot be entered is told once, and counted', async () => {
  const reading = await start({ root_path: '/elsewhere' })
  assert.equal(await reading.read('system.network.io'), {})
  const lines = reading.context.lines.map(({ msg }) => msg)
  assert.is(lines.filter((line) => line.includes('open network namespace')).length, 1, lines.join('\n'))
  assert.match(lines.join('\n'), /\/elsewhere\/proc\/1\/ns\/net: No such file or directory/)
})

limits('nothing stays open behind one that was stopped', async () => {
  const sockets = () => readdirSync('/proc/self/fd').filter((fd) => isSocket(fd)).length
  await (await start()).stop()
  const before = sockets()
  for (let i = 0; i < 5; i++) await (await start()).stop()
  assert.is(sockets(), before)
  const reading = await start()
  assert.ok(sockets() > before)
  const [told] = await Promise.all([reading.read('system.network.io'), reading.stop()])
  assert.ok(Object.keys(told).length > 0)
  assert.is(sockets(), before)
})

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    // That of the folder itself.
    return false
  }
}

limits.run()
