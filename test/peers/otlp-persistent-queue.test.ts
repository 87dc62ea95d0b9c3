import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/checkout.ts'
import { eventually } from '../support/eventually.ts'
import { flowNumber } from '../support/flow-source.ts'
import { FoveaProcess } from '../support/fovea-process.ts'
import { freePort } from '../support/free-port.ts'
import { Otelcol, plainAttributes } from '../support/otelcol.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** A real agent exports to a real Collector through its queue on disk, and is killed. */
const KILLS = Number(process.env.FOVEA_QUEUE_KILLS ?? (process.env.CI ? 4 : 2))

const PER_SECOND = 2_000
/** Between the numbers of one run and those of the next. */
const RUN = 100_000
const CONSUMERS = 2
const BATCH = 100

const test = suite('otlp_grpc with a queue on disk')
const folder = new TemporaryFolder()
let otelcol: Otelcol
let metricsPort: number
const agents: FoveaProcess[] = []
let directories = 0

test.before.each(async () => {
  otelcol = await Otelcol.prepare()
  metricsPort = await freePort()
})
test.after.each(async () => {
  for (const agent of agents.splice(0)) await agent.kill()
  await otelcol.clear()
})
test.after(() => folder.remove())

function newDirectory(): string {
  const directory = folder.at(`storage-${directories++}`)
  mkdirSync(directory)
  return directory
}

/** Flows with the numbers of this run. @param perSecond 0 = it only sends what waits */
function configOf(directory: string, run: number, perSecond: number): string {
  return `
receivers: {numbered: {first: ${run * RUN}, per_second: ${perSecond}}}
exporters:
  otlp_grpc:
    endpoint: 127.0.0.1:${otelcol.port}
    tls: {insecure: true}
    retry_on_failure: {initial_interval: 100ms, max_interval: 300ms, max_elapsed_time: 0}
    sending_queue:
      storage: file_storage
      sizer: requests
      queue_size: 100000
      num_consumers: ${CONSUMERS}
      batch: {min_size: ${BATCH}, max_size: ${BATCH}, flush_timeout: 20ms}
extensions: {file_storage: {directory: ${directory}, timeout: 10s}}
service:
  extensions: [file_storage]
  shutdown_timeout: 2s
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: localhost, port: ${metricsPort}}}}}]}}
  pipelines: {flows: {receivers: [numbered], exporters: [otlp_grpc]}}
`
}

async function agent(directory: string, run: number, perSecond: number): Promise<FoveaProcess> {
  return startedWith(`yaml:${configOf(directory, run, perSecond)}`)
}

async function startedWith(config: string): Promise<FoveaProcess> {
  const started = new FoveaProcess(['run', '--config', config], {}, join(root, 'test/support/numbered-main.ts'))
  agents.push(started)
  await started.wrote(/Everything is ready/)
  return started
}

/** A number of the agent's own metrics, all label sets added up. */
async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://localhost:${metricsPort}/metrics`)).text()
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, 'gm'))]
  return values.reduce((sum, [, value]) => sum + Number(value), 0)
}

const accepted = () => metric('fovea_file_storage_accepted_flows')

/** How often each number arrived. */
function arrivals(): Map<number, number> {
  const times = new Map<number, number>()
  for (const { attributes } of otelcol.logRecords()) {
    const number = flowNumber(String(plainAttributes(attributes)['source.address']))
    times.set(number, (times.get(number) ?? 0) + 1)
  }
  return times
}

/** Kills agents in the middle of their work. Returns how many flows each had accepted before. */
async function killed(directory: string): Promise<number[]> {
  const counts: number[] = []
  for (let run = 0; run < KILLS; run++) {
    const running = await agent(directory, run, PER_SECOND)
    await eventually('flows to be accepted', async () => (await accepted()) > 0 || undefined)
    await setTimeout(300 + 171 * run)
    counts.push(await accepted())
    await running.kill()
  }
  return counts
}

/** Waits until nothing waits any more, and everything is written by the Collector. */
async function drained(): Promise<Map<number, number>> {
  await eventually(
    'the queue to be empty',
    async () => (await metric('otelcol_exporter_queue_size')) === 0 || undefined,
  )
  let before = -1
  return eventually('the last record', () => {
    const times = arrivals()
    const isAll = times.size === before
    before = times.size
    return isAll ? times : undefined
  })
}

function missing(times: ReadonlyMap<number, number>, counts: readonly number[]): number[] {
  return counts.flatMap((count, run) =>
    Array.from({ length: count }, (_, i) => run * RUN + i).filter((number) => !times.has(number)),
  )
}

test(`the Collector is away, the agent is killed ${KILLS} times: everything accepted arrives, once`, async () => {
  const directory = newDirectory()
  const counts = await killed(directory)
  assert.ok(counts.every((count) => count > 0))
  await otelcol.start()
  await agent(directory, KILLS, 0)
  const times = await drained()
  assert.equal(missing(times, counts), [])
  assert.equal(
    [...times].filter(([, count]) => count > 1),
    [],
  )
  assert.is(await metric('fovea_file_storage_lost_flows'), 0)
  assert.is(await metric('fovea_file_storage_bytes'), 0, 'all files are gone or empty')
})

test(`killed ${KILLS} times while it sends: everything accepted arrives, what was in flight at most twice`, async () => {
  const directory = newDirectory()
  await otelcol.start()
  const counts = await killed(directory)
  await agent(directory, KILLS, 0)
  const times = await drained()
  assert.equal(missing(times, counts), [])
  const again = [...times.values()].reduce((sum, count) => sum + count - 1, 0)
  // In flight, and sent a moment ago with the end not written down yet.
  assert.ok(again <= KILLS * CONSUMERS * 2 * BATCH, `${again} flows twice`)
})

test('an agent that ends in order, the Collector being away, keeps everything', async () => {
  const directory = newDirectory()
  const running = await agent(directory, 0, PER_SECOND)
  await eventually('flows to be accepted', async () => (await accepted()) > 1_000 || undefined)
  const count = await accepted()
  running.signal('SIGTERM')
  const { status } = await running.ended()
  assert.is(status, 0)
  assert.match(running.output, /Shutdown complete/)
  assert.not.match(running.output, /Dropping data/)
  await otelcol.start()
  await agent(directory, 1, 0)
  assert.equal(missing(await drained(), [count]), [])
})

test('a reload that changes the storage hands everything on', async () => {
  const directory = newDirectory()
  const config = folder.at('agent.yaml')
  writeFileSync(config, configOf(directory, 0, PER_SECOND))
  const running = await startedWith(config)
  await eventually('flows to be accepted', async () => (await accepted()) > 1_000 || undefined)
  const count = await accepted()
  writeFileSync(config, configOf(directory, 1, 0).replace('timeout: 10s', 'timeout: 10s, fsync: true'))
  running.signal('SIGHUP')
  await running.wrote(/Configuration reloaded/)
  await otelcol.start()
  assert.equal(missing(await drained(), [count]), [])
})

test('a full disk refuses flows and keeps the accepted ones; with space it takes them again', async () => {
  if (process.getuid?.() !== 0) throw new Error('needs root to mount a tmpfs')
  const directory = newDirectory()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', `fovea-${process.pid}`, directory])
  try {
    const running = await agent(directory, 0, PER_SECOND)
    await running.wrote(/cannot write the queue of otlp_grpc: ENOSPC/)
    await eventually(
      'flows to be refused',
      async () => (await metric('otelcol_exporter_enqueue_failed_flows')) > 0 || undefined,
    )
    const count = await accepted()
    assert.ok(count > 500, `${count} fit`)
    await running.kill()
    const next = await agent(directory, 1, PER_SECOND)
    await next.wrote(/cannot write the queue of otlp_grpc: ENOSPC/)
    await otelcol.start()
    await next.wrote(/the queue of otlp_grpc can be written to again/)
    const times = await eventually('what comes then', async () => {
      const got = arrivals()
      return [...got.keys()].some((number) => number > RUN) ? got : undefined
    })
    assert.equal(missing(times, [count]), [])
  } finally {
    for (const running of agents.splice(0)) await running.kill()
    execFileSync('umount', [directory])
  }
})

test.run()
