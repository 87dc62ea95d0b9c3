import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { messageType } from '../../src/hubble/definition.ts'
import { eventually } from '../support/eventually.ts'
import { flowNumber } from '../support/flow-source.ts'
import type { FlowsResponse } from '../support/hubble-client.ts'
import { LoadClients } from '../support/load-clients.ts'
import { LOAD_FILTERS, type LoadFilter } from '../support/load-flows.ts'
import { LoadedHubble } from '../support/loaded-hubble.ts'
import { peer } from '../support/peers.ts'
import { SlowHubbleClient } from '../support/slow-hubble-client.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/**
 * Fifty clients follow with different filters while 50,000 flows a second come in: 42 of grpc-js, 4 real CLIs, and 4 that do
 * not read, one of them a CLI. FOVEA_LOAD_SECONDS sets for how long (3 by default, 5 in CI); with history
 * half as long, since there all is read by all.
 */
const PER_SECOND = 50_000
const SECONDS = Number(process.env.FOVEA_LOAD_SECONDS ?? (process.env.CI ? 5 : 3))
const FAST = LOAD_FILTERS.slice(0, 42).map((_, client) => client)
const CLIS = LOAD_FILTERS.slice(42)
const SLOW = 3

/** What the exporter's handbook says that it holds beside the agent at rest and its ring. */
const STREAM_MIB = 1
const HISTORY_MIB = 48

const test = suite('50 clients at 50,000 flows/s')
const folder = new TemporaryFolder()

test.after(() => folder.remove())

test('from memory: who reads gets what it asked for, who does not is told what it lost, and memory stays bounded', async () => {
  const { fast, slow, lost, rssMiB, limitMiB } = await load('memory')
  for (const { client, matched, received, told } of fast) {
    assert.ok(received <= matched && matched - received <= told, `${client}: ${received} of ${matched}, ${told} lost`)
  }
  for (const { received, told, sent } of slow) {
    assert.ok(told > 0)
    assert.is(received + told, sent)
  }
  assert.ok(lost > 0)
  assert.ok(rssMiB < limitMiB, `${rssMiB} of ${limitMiB} MiB`)
})

test('with history nobody loses anything: who reads late reads from disk', async () => {
  const { fast, slow, lost, rssMiB, limitMiB } = await load('history', folder.at('history'))
  for (const { client, matched, received } of fast) assert.is(received, matched, client)
  for (const { received, told, sent } of slow) assert.equal([received, told], [sent, 0])
  assert.is(lost, 0)
  assert.ok(rssMiB < limitMiB, `${rssMiB} of ${limitMiB} MiB`)
})

async function load(name: string, history?: string) {
  const hubble = await LoadedHubble.start(history)
  const clients = new LoadClients(hubble.server, FAST)
  const clis = CLIS.map((filter) => new Cli(hubble.server, filter))
  const slowCli = new Cli(hubble.server, EVERYTHING)
  const slow = Array.from({ length: SLOW }, () => new SlowHubbleClient(hubble.server, { follow: true }))
  try {
    const streams = FAST.length + clis.length + 1 + SLOW
    assert.is(streams, 50)
    await eventually('all to follow', async () => (await hubble.state()).streams === streams || undefined)
    slowCli.pause()
    const { sent, cpuSeconds } = await hubble.flood(
      PER_SECOND,
      history === undefined ? SECONDS : Math.ceil(SECONDS / 2),
    )
    slowCli.goOn()
    const [late, ...read] = await Promise.all([
      Promise.all([...slow.map((client) => readAll(client, sent)), slowCli.end(sent)]),
      reports(clients, sent),
      ...clis.map(async (cli) => [await cli.end(sent)]),
    ])
    const fast = read.flat()
    const state = await hubble.state()
    const kept = hubble.maxBytes / 2 ** 20 + (history === undefined ? 0 : HISTORY_MIB)
    const limitMiB = hubble.baseMiB + kept + streams * STREAM_MIB
    const sum = (of: { received: number }[]) => of.reduce((all, { received }) => all + received, 0)
    console.log(
      `  ${name}: ${sent} flows; ${sum(fast)} to those who read (${fast.reduce((all, { told }) => all + told, 0)} told lost),` +
        ` ${sum(late)} to those who did not (${late.reduce((all, { told }) => all + told, 0)} told lost);` +
        ` ${cpuSeconds.toFixed(1)} CPU s; ${state.rssMiB.toFixed(0)} MiB resident (${hubble.baseMiB.toFixed(0)} at the start)`,
    )
    return { fast, slow: late, lost: state.lost, rssMiB: state.rssMiB, limitMiB }
  } finally {
    for (const client of slow) client.close()
    for (const cli of [...clis, slowCli]) cli.kill()
    await clients.stop()
    await hubble.stop()
  }
}

/** How a client ended. */
interface Outcome {
  client: string
  sent: number
  matched: number
  received: number
  /** Events it was told are lost. */
  told: number
}

const EVERYTHING: LoadFilter = { filter: {}, matches: () => true }

function expected({ matches }: LoadFilter, sent: number): { matched: number; last: number } {
  let [matched, last] = [0, -1]
  for (let number = 0; number < sent; number++) {
    if (!matches(number)) continue
    matched++
    last = number
  }
  return { matched, last }
}

/** Of the clients in their process, once each has its last flow and had the time to be told of losses. */
async function reports(clients: LoadClients, sent: number): Promise<Outcome[]> {
  const wanted = FAST.map((client) => expected(LOAD_FILTERS[client]!, sent))
  const atEnd = async () => (await clients.reports()).every(({ last }, i) => last === wanted[i]!.last) || undefined
  await eventually('every last flow', atEnd, 60_000)
  await lossInterval()
  return (await clients.reports()).map(({ client, received, wrong, lost, error }, i) => {
    assert.equal([wrong, error], [0, ''], `client ${client}`)
    return {
      client: JSON.stringify(LOAD_FILTERS[client]!.filter),
      sent,
      matched: wanted[i]!.matched,
      received,
      told: lost,
    }
  })
}

async function readAll(client: SlowHubbleClient, sent: number): Promise<Outcome> {
  const { deserialize } = messageType('observer.GetFlowsResponse')
  let [received, told] = [0, 0]
  client.readEncoded((answer) => {
    // Of a flow it is enough to know that it is one (field 1).
    if (answer[0] === 0x0a) received++
    else told += Number((deserialize(Buffer.from(answer)) as FlowsResponse).lost_events!.num_events_lost)
  })
  await eventually('a slow client to catch up', () => received + told >= sent || undefined, 60_000)
  return { client: 'slow', sent, matched: sent, received, told }
}

/** Losses are told every second. */
function lossInterval(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_500))
}

/** `hubble observe --follow`, whose lines are checked as they come. */
class Cli {
  readonly #child: ChildProcess
  readonly #filter: LoadFilter
  #received = 0
  #told = 0
  #last = -1
  /** The first line that should not be there. */
  #wrong = ''

  constructor(server: string, filter: LoadFilter) {
    this.#filter = filter
    const args = ['--server', server, 'observe', '--follow', ...(filter.args ?? [])]
    this.#child = spawn(peer('hubble'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#take(line))
  }

  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child.kill('SIGCONT')
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Once it has printed its last flow. */
  async end(sent: number): Promise<Outcome> {
    const { matched, last } = expected(this.#filter, sent)
    await eventually('the CLI to print its last flow', () => this.#last === last || undefined, 60_000)
    await lossInterval()
    assert.is(this.#wrong, '')
    const client = this.#filter.args?.join(' ') ?? 'a CLI that was stopped'
    return { client, sent, matched, received: this.#received, told: this.#told }
  }

  #take(line: string): void {
    const missed = /EVENTS LOST: HUBBLE_RING_BUFFER CPU\(\d+\) (\d+)/.exec(line)
    if (missed !== null) {
      this.#told += Number(missed[1])
      return
    }
    const number = flowNumber(/: ([\d.]+):40000 /.exec(line)?.[1] ?? '-1')
    if (!this.#filter.matches(number) || number <= this.#last) this.#wrong ||= line
    this.#received++
    this.#last = number
  }
}

test.run()
