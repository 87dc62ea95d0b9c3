import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/checkout.ts'
import { ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { flowNumber, numberedBatch } from '../support/flow-source.ts'
import { hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** The real Hubble CLI asks for flows of agents that were killed, over and over, in the middle of their writing. */
const KILLS = Number(process.env.FOVEA_HISTORY_KILLS ?? (process.env.CI ? 8 : 3))

const test = suite('hubble observe after a restart')
const folder = new TemporaryFolder()
test.after(() => folder.remove())

function history(directory: string) {
  return { history: { directory, max_bytes: 64 * 1024 * 1024, max_age: 3_600_000 } }
}

/** Starts `test/support/history-agent.ts`. */
async function agent(directory: string, perSecond = 0) {
  const script = join(root, 'test/support/history-agent.ts')
  const child = spawn(process.execPath, [script, directory, String(perSecond)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const said: string[] = []
  lines.on('line', (line) => said.push(line))
  const server = await eventually('the agent', () => said[0])
  return { child, server, said }
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await gone
}

const questions = [
  ['--all'],
  ['--last', '5'],
  ['--first', '3'],
  ['--since', '2026-01-02T03:04:02Z'],
  ['--until', '2026-01-02T03:04:05Z'],
  ['--since', '2026-01-02T03:04:02Z', '--until', '2026-01-02T03:04:05Z'],
  ['--since', '2026-01-02T03:04:03Z', '--last', '2'],
  ['--last', '2', '--pod', 'default/xwing'],
  ['--all', '--label', 'app=deathstar'],
  ['--all', '--verdict', 'DROPPED'],
  ['--all', '--protocol', 'dns'],
  ['--all', '--to-fqdn', 'dns.google'],
]

test('every answer is the same, to the byte, before and after kill -9', async () => {
  const directory = folder.at('same')
  const { child, server } = await agent(directory)
  const ask = async (at: string, args: string[]) => (await hubble(at, ['observe', '-o', 'json', ...args])).stdout
  const before: string[] = []
  for (const args of questions) before.push(await ask(server, args))
  const [uuid] = /(?<="uuid":")[^"]+/.exec(before[0]!)!
  // A second after they came the flows are on disk, whatever happens.
  await setTimeout(2_000)
  await kill(child)
  const running = await startHubble(history(directory))
  try {
    for (const [i, args] of questions.entries()) assert.is(await ask(running.server, args), before[i], args.join(' '))
    assert.match(await ask(running.server, ['--all', '--uuid', uuid]), uuid)
    assert.ok(before.every((text) => text !== ''))
    const status = await hubble(running.server, ['status'])
    assert.match(status.stdout, /Current\/Max Flows: +11\/[\d,]+ /)
  } finally {
    await running.stop()
  }
})

test(`killed ${KILLS} times while it writes, each time it has all but the last second`, async () => {
  const directory = folder.at('kills')
  for (let run = 0; run < KILLS; run++) {
    const { child, said } = await agent(directory, 20_000)
    await setTimeout(1_200 + 173 * run)
    const early = Number(said.at(-1))
    await setTimeout(1_500)
    await kill(child)
    const running = await startHubble({ ...history(directory), max_flows: 1 })
    try {
      const kept = await keptOf(running)
      // From the first on without a gap, at least what was there 1.5 s before the end.
      assert.equal(kept.gaps, 0, `run ${run}: gaps`)
      assert.ok(kept.newest >= early, `run ${run}: ${kept.newest} of ${early} and more`)
      assert.is(metric(running, 'history_lost_events'), 0)
    } finally {
      await running.stop()
    }
  }
})

/** Numbers of the flows since the last sample: how many are missing between the first and the newest. */
async function keptOf({ server }: RunningHubble): Promise<{ newest: number; gaps: number }> {
  const { lines, stderr } = await hubble(server, ['observe', '--all'])
  assert.is(stderr, '')
  const last = lines.findLastIndex((line) => /TCP Connect/.test(line))
  const numbers = lines.slice(last + 1).map((line) => flowNumber(/: ([\d.]+):40000 /.exec(line)![1]!))
  return { newest: numbers.length, gaps: numbers.filter((number, i) => number !== i).length }
}

test('a full disk costs the oldest flows on it, never the agent', async () => {
  if (process.getuid?.() !== 0) throw new Error('needs root to mount a tmpfs')
  const directory = folder.at('full')
  execFileSync('mkdir', [directory])
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', `fovea-${process.pid}`, directory])
  try {
    const running = await startHubble({ ...history(directory), max_flows: 1 })
    try {
      const batch = numberedBatch(0, 8_000)
      for (let row = 0; row < 8_000; row++) batch.columns.detail[row] = Math.imul(row + 1, 0x9e3779b1)
      for (let i = 0; i < 60; i++) {
        running.exporter.consume(batch)
        await setTimeout(20)
      }
      await eventually(
        'the disk to be full and written to',
        () => metric(running, 'history_bytes') > 500_000 || undefined,
      )
      const { lines } = await hubble(running.server, ['observe', '--last', '16000'])
      assert.is(lines.filter((line) => /:40000 /.test(line)).length, 16_000)
      assert.ok(metric(running, 'history_events') < 60 * 8_000, 'older ones went')
      // Somebody else takes what room there is: nothing can be written at all, and that is counted. Of equal blocks each
      // could have the room of the one before for ever; what a smaller one leaves is taken.
      const smaller = numberedBatch(0, 5_000)
      for (let row = 0; row < 5_000; row++) smaller.columns.detail[row] = Math.imul(row + 1, 0x9e3779b1)
      let turn = 0
      await eventually('flows to be counted', () => {
        execFileSync('sh', ['-c', `cat /dev/zero >> ${directory}/other 2> /dev/null || true`])
        running.exporter.consume(turn++ % 2 === 0 ? smaller : batch)
        return metric(running, 'history_lost_events') > 0 || undefined
      })
      assert.ok(running.context.statuses.some(({ at }) => at === 'recoverable_error'))
      execFileSync('rm', [`${directory}/other`])
      const lost = metric(running, 'history_lost_events')
      for (let i = 0; i < 3; i++) running.exporter.consume(batch)
      await eventually('writing to work again', () => running.context.statuses.at(-1)?.at === 'ok' || undefined)
      assert.is((await hubble(running.server, ['observe', '--last', '24000'])).lines.length, 24_000)
      assert.is(metric(running, 'history_lost_events'), lost)
    } finally {
      await running.stop()
    }
    execFileSync('sh', ['-c', `rm ${directory}/*; cat /dev/zero > ${directory}/other 2> /dev/null || true`])
    const begun = await startHubble({ ...history(directory), max_flows: 16 })
    try {
      begun.exporter.consume(numberedBatch(0, 10))
      await eventually('flows to be counted', () => metric(begun, 'history_lost_events') === 10 || undefined)
      assert.is((await hubble(begun.server, ['observe', '--all'])).lines.length, 10)
    } finally {
      await begun.stop()
    }
  } finally {
    execFileSync('umount', [directory])
  }
})

function metric({ context }: RunningHubble, name: string): number {
  const of = (labels: Record<string, string>) =>
    ownMetric(context, `otelcol_exporter_hubble_${name}`, { exporter: 'hubble', ...labels })
  return name === 'history_lost_events' ? of({ reason: 'write_failed' }) + of({ reason: 'queue_full' }) : of({})
}

test.run()
