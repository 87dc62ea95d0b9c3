import { spawn, spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/checkout.ts'
import { NetworkNamespace } from '../support/network-namespace.ts'
import { NpmStart } from './npm-start.ts'

/** A flow as `hubble observe` prints it in its compact format. */
const FLOW_LINE = /^\w{3} +\d+ \d\d:\d\d:\d\d\.\d{3}.*: .+ (->|<-|<>) .+ (FORWARDED|DROPPED|TRACED|TRANSLATED)/m

/** Loses every capability, as an unprivileged container has none, whatever its user is called. */
const UNPRIVILEGED = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs']

const set = suite('scripts/setup')
set('prints nothing when all is in place', () => {
  const setup = () => spawnSync(process.execPath, ['scripts/setup.mjs', '--test'], { cwd: root, encoding: 'utf8' })
  setup() // whoever edits while the tests run is not punished
  const { stdout, stderr, status } = setup()
  assert.equal([stdout, stderr, status], ['', '', 0])
})
set.run()

const start = suite<{ namespace: NetworkNamespace; agent?: NpmStart }>('npm start')
start.before.each((context) => {
  context.namespace = new NetworkNamespace('start')
})
start.after.each(async ({ agent, namespace }) => {
  await agent?.kill()
  namespace.remove()
})

const servedPages = [
  { page: 'flow metrics', url: 'http://localhost:9965/metrics', has: /^fovea_flow_packets_total\{/m },
  { page: 'own metrics', url: 'http://localhost:8888/metrics', has: /^otelcol_receiver_accepted_flows/m },
  { page: 'health', url: 'http://localhost:13133', has: /./ },
]

async function servesEverything(agent: NpmStart): Promise<void> {
  await agent.prints(FLOW_LINE)
  assert.match(agent.output, 'Where to look next:')
  assert.match(agent.output, 'localhost:4245')
  for (const { page, url, has } of servedPages) {
    const { status, body } = agent.get(url)
    assert.is(status, 200, page)
    assert.match(body, has, page)
  }
}

start("shows this machine's live flows, serves the default ports and ends in order", async (context) => {
  const agent = new NpmStart(context.namespace)
  context.agent = agent
  const ping = spawn(...context.namespace.command('ping', '-q', '-i', '0.2', '-w', '120', '127.0.0.1'), {
    stdio: 'ignore',
  })
  try {
    await servesEverything(agent)
    assert.match(agent.output, /127\.0\.0\.1.*ICMPv4/)
    assert.not.match(agent.output, 'NOTHING OF THIS MACHINE')
    await agent.interrupt()
    assert.match(agent.output, /Shutdown complete\.\s*$/)
  } finally {
    ping.kill()
  }
})

start('replays the capture, and says so first, where no eBPF program can be loaded', async (context) => {
  const agent = new NpmStart(context.namespace, UNPRIVILEGED)
  context.agent = agent
  await servesEverything(agent)
  const notice = agent.output.indexOf('NOTHING OF THIS MACHINE CAN BE OBSERVED')
  assert.ok(notice >= 0 && notice < agent.output.search(FLOW_LINE), agent.output)
  assert.match(agent.output, /CAP_BPF|CAP_SYS_ADMIN|permission/i)
  await agent.interrupt()
  assert.match(agent.output, /Shutdown complete\.\s*$/)
})

start('passes what follows -- on', async (context) => {
  const args = ['--', '--set', 'exporters.prometheus.endpoint=localhost:9999']
  const agent = new NpmStart(context.namespace, [], args)
  context.agent = agent
  await agent.prints(/Where to look next:/)
  assert.is(agent.get('http://localhost:9999/metrics').status, 200)
})
start.run()
