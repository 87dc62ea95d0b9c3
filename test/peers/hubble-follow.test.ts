import { spawn } from 'node:child_process'
import { createReadStream, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { flood, flowNumber } from '../support/flow-source.ts'
import { type RunningHubble, startHubble } from '../support/hubble.ts'
import { peer } from '../support/peers.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/**
 * `hubble observe --follow` while flows come faster than most nodes make them: each is printed once or reported lost.
 * FOVEA_FOLLOW_SECONDS sets for how long (10 by default, 60 in CI).
 */
const PER_SECOND = 50_000
const SECONDS = Number(process.env.FOVEA_FOLLOW_SECONDS ?? (process.env.CI ? 60 : 10))

const test = suite('hubble observe --follow')
const folder = new TemporaryFolder()
let running: RunningHubble

test.before(async () => {
  running = await startHubble()
})

test.after(async () => {
  await running.stop()
  folder.remove()
})

test(`${PER_SECOND} flows a second for ${SECONDS} s`, async () => {
  const file = folder.at('flows')
  const args = ['--server', running.server, 'observe', '--follow']
  const cli = spawn(peer('hubble'), args, { stdio: ['ignore', openSync(file, 'w'), 'inherit'] })
  const ended = new Promise((resolve) => cli.once('exit', resolve))
  await eventually('the CLI to follow', () => metric('streams') === 1 || undefined)
  const sent = await flood(running.exporter, PER_SECOND, SECONDS)
  await eventually(
    'all flows to go out',
    () => metric('sent_flows') + metric('lost_events') >= sent || undefined,
    60_000,
  )
  // Past the interval in which losses are told, and for the CLI to print what it has.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  cli.kill('SIGINT')
  await ended
  const { seen, lost, twice } = await printed(file, sent)
  console.log(`  ${sent} flows: ${seen} printed, ${lost} reported lost`)
  assert.is(twice, 0, 'flows printed twice')
  assert.is(seen + lost, sent)
})

/** What the CLI printed: different flows, events it was told are lost, flows printed more than once. */
async function printed(file: string, sent: number): Promise<{ seen: number; lost: number; twice: number }> {
  const known = new Uint8Array(sent)
  let [seen, lost, twice] = [0, 0, 0]
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const missed = /EVENTS LOST: HUBBLE_RING_BUFFER CPU\(\d+\) (\d+)/.exec(line)
    if (missed !== null) {
      lost += Number(missed[1])
      continue
    }
    const number = flowNumber(/: ([\d.]+):40000 /.exec(line)![1]!)
    if (known[number]) twice++
    else seen++
    known[number] = 1
  }
  return { seen, lost, twice }
}

function metric(name: string): number {
  return ownMetric(running.context, `otelcol_exporter_hubble_${name}`, { exporter: 'hubble' })
}

test.run()
