import { cpSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flowQuery } from '../../../../src/exporters/hubble/flow-query.ts'
import { FlowReader } from '../../../../src/exporters/hubble/flow-reader.ts'
import { checkHistory } from '../../../../src/exporters/hubble/history/config.ts'
import { endpoint } from '../../../../src/flow/endpoint.ts'
import { Ends } from '../../../../src/flow/ends.ts'
import { eventually } from '../../../support/eventually.ts'
import { numberedBatch } from '../../../support/flow-source.ts'
import { flowBatch, TCP_SYN } from '../../../support/flows.ts'
import { answer, openStored, proceed, type StoredRing, type StoredRingSettings } from '../../../support/stored-flows.ts'
import { TemporaryFolder } from '../../../support/temporary-folder.ts'
import { at, SECOND, timedFlows } from '../../../support/timed-flows.ts'

const test = suite('history')
const folder = new TemporaryFolder()
const open: StoredRing[] = []
let directories = 0

test.after.each(async () => {
  for (const { history } of open.splice(0)) await history.close()
})
test.after(() => folder.remove())

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const UDP = { whitelist: [{ protocol: ['udp'] }] }

async function stored(settings: Partial<StoredRingSettings> = {}): Promise<StoredRing & { directory: string }> {
  const directory = settings.directory ?? folder.at(`history-${directories++}`)
  const made = await openStored({ ...settings, directory })
  open.push(made)
  return { ...made, directory }
}

/** The files as they are now: what a process leaves that is killed now. */
function copyOf(directory: string): string {
  const copy = folder.at(`history-${directories++}`)
  cpSync(directory, copy, { recursive: true, filter: (path) => !path.endsWith('/lock') })
  return copy
}

/** Ends and opens the directory again, as a restart of the agent does. */
async function restart(made: StoredRing & { directory: string }, settings: Partial<StoredRingSettings> = {}) {
  await made.history.close()
  return stored({ ...settings, directory: made.directory })
}

/** 20 flows in batches of 1, 4, 8 and 7; only the last is in memory. */
async function filled(): Promise<StoredRing & { directory: string }> {
  const made = await stored()
  for (const [from, to] of [
    [1, 1],
    [2, 5],
    [6, 13],
    [14, 20],
  ] as const)
    made.ring.push(timedFlows(from, to))
  return made
}

const requests = [
  {},
  { number: 3 },
  { number: 100_000 },
  { number: 3, ...UDP },
  { number: 3, first: true },
  { number: 2, first: true, ...UDP },
  { since: at(18) },
  { since: at(5), number: 2 },
  { until: at(2) },
  { since: at(4), until: at(6) },
  { number: 5, until: at(17) },
  { number: 5, until: at(2) },
]
for (const request of requests) {
  test(`${JSON.stringify(request)}: the same before, during and after a restart`, async () => {
    const memory = await stored({ maxFlows: 100 })
    memory.ring.push(timedFlows(1, 20))
    const expected = await memory.ask(request)
    const made = await filled()
    assert.equal(await made.ask(request), expected)
    const again = await restart(made)
    assert.equal(await again.ask(request), expected)
    assert.is(again.counts.damaged, 0)
  })
}

test('flows that come after a restart follow those before it without gap or double', async () => {
  let made = await filled()
  for (let from = 21; from < 60; from += 10) {
    made = await restart(made)
    made.ring.push(timedFlows(from, from + 9))
  }
  assert.equal(await made.ask(), [...range(1, 60), 'end'])
  assert.equal(await made.ask({ number: 35 }), [...range(26, 60), 'end'])
  assert.is(made.ring.events, 60)
})

test('serial numbers of batches never come again, so that UUIDs do not', async () => {
  const made = await filled()
  const serial = (of: StoredRing) => {
    const entry = of.ring.entry(of.ring.next - 1)
    return entry.at === 'flows' ? entry.serial : 0
  }
  const before = serial(made)
  const again = await restart(made, { clock: () => 1_000 })
  again.ring.push(timedFlows(21, 21))
  assert.ok(serial(again) > before)
  assert.is(again.history.uuidPrefix, made.history.uuidPrefix)
})

test('what a second has passed over is there after a kill', async () => {
  const made = await filled()
  const copy = await eventually('the journal', async () => {
    const killed = copyOf(made.directory)
    return statSync(join(killed, 'journal')).size > 100 ? killed : undefined
  })
  const again = await stored({ directory: copy })
  assert.equal(await again.ask(), [...range(1, 20), 'end'])
  again.ring.push(timedFlows(21, 22))
  const third = await restart(again)
  assert.equal(await third.ask(), [...range(1, 22), 'end'])
})

test('reports of loss stay at their place', async () => {
  const made = await filled()
  const after = timedFlows(21, 22)
  after.lost.push({ source: 2, count: 7, firstMs: 5, lastMs: 6 })
  made.ring.push(after)
  const again = await restart(made)
  assert.equal((await again.ask()).slice(-4), ['lost 7', 21, 22, 'end'])
})

test('ends keep their names, each endpoint has but one id, and ids go when nobody reads', async () => {
  const made = await stored()
  const pod = made.endpoints.add(endpoint({ podName: 'xwing', namespace: 'default', labels: ['k8s:app=xwing'] }))
  for (let i = 0; i < 3; i++) {
    const batch = timedFlows(10 * i, 10 * i + 9)
    batch.columns.sourceEndpoint.fill(pod)
    batch.epoch = made.endpoints.epoch
    made.ring.push(batch)
  }
  made.ring.push(timedFlows(30, 30))
  const again = await restart(made)
  assert.equal(await again.ask({ number: 2, whitelist: [{ source_pod: ['default/xw'] }] }), [28, 29, 'end'])
  assert.equal(await again.ask({ whitelist: [{ source_label: ['app=ywing'] }] }), ['end'])
  assert.is(again.endpoints.used, 4)
  await again.history.close()
  assert.is(again.endpoints.waiting, 1)
})

test('a clock that steps back loses nothing: since and until hold for each flow by itself', async () => {
  let made = await stored()
  made.ring.push(timedFlows(100, 119))
  made = await restart(made)
  made.ring.push(timedFlows(40, 59))
  made = await restart(made)
  made.ring.push(timedFlows(110, 115))
  made.ring.push(timedFlows(1, 1))
  assert.equal(await made.ask({ since: at(112) }), [...range(112, 119), ...range(112, 115), 'end'])
  assert.equal(await made.ask({ since: at(50), until: at(101) }), [100, 101, ...range(50, 59), 'end']) // Also within a block, and within a batch: what a block says of its times must hold for each of its flows.
  const row = (second: number) => ({ ...TCP_SYN, sourcePort: second, timeMs: (SECOND + second) * 1_000 })
  made = await restart(made)
  made.ring.push(flowBatch([row(130), row(52), row(120)]))
  made.ring.push(timedFlows(200, 205))
  made.ring.push(timedFlows(140, 141))
  made = await restart(made)
  assert.equal(await made.ask({ since: at(50), until: at(60) }), [...range(50, 59), 52, 'end'])
  assert.equal(await made.ask({ since: at(125), until: at(150) }), [130, 140, 141, 'end'])
  assert.equal(await made.ask({ since: at(201) }), [...range(201, 205), 'end'])
})

/** Flows that do not compress well: each batch makes a block of its own. */
const scattered = numberedBatch(0, 8_000)
for (let row = 0; row < scattered.length; row++) scattered.columns.detail[row] = Math.imul(row + 1, 0x9e3779b1)

/** Until the newest event is on disk. */
function written({ ring, history }: StoredRing): Promise<true> {
  return eventually('the block', () => history.find(ring.next - 1)?.at === 'disk' || undefined)
}

test('old flows go segment by segment when the space is used up', async () => {
  const maxBytes = 1024 * 1024
  const made = await stored({ maxBytes })
  for (let i = 0; i < 30; i++) {
    made.ring.push(scattered)
    await written(made)
    assert.ok(made.history.bytes <= maxBytes, `${made.history.bytes} of ${maxBytes}`)
  }
  const used = readdirSync(made.directory).reduce((sum, name) => sum + statSync(join(made.directory, name)).size, 0)
  assert.ok(used <= maxBytes && used > maxBytes / 2, `${used} of ${maxBytes}`)
  const kept = made.history.events
  assert.ok(kept > 0 && kept < 30 * 8_000 && kept % 8_000 === 0, `${kept} events`)
  assert.is((await made.ask()).length, kept + 1)
  assert.is((await made.ask({ number: 8_001 })).length, 8_002)
  const status = [made.ring.events, made.ring.capacity]
  assert.ok(status[0]! <= status[1]!, `${status[0]} of ${status[1]}`)
})

test('old flows go when they are too old, those that came last by the clock stay', async () => {
  let now = 1_000_000
  const made = await stored({ maxAgeMs: 160_000, clock: () => now })
  made.ring.push(timedFlows(1, 8_000))
  await written(made)
  now += 100_000
  made.ring.push(timedFlows(8_001, 16_000))
  await written(made)
  now += 100_000
  await eventually('the old block to go', () => made.history.events === 8_000 || undefined)
  assert.equal((await made.ask({ number: 1, first: true }))[0], 8_001)
})

test('a reader that the dropping of segments overtakes is told by how much, and goes on', async () => {
  const made = await stored({ maxBytes: 1024 * 1024 })
  made.ring.push(timedFlows(1, 10))
  const query = flowQuery({ follow: true, since: at(0) }, { ends: new Ends(made.endpoints), nodeName: 'node-1' })
  const reader = new FlowReader(made.ring, query)
  assert.is((await answer(reader)).length, 11)
  for (let i = 0; i < 30; i++) {
    made.ring.push(scattered)
    await written(made)
  }
  const said = await proceed(reader)
  const lost = Number(/^overtaken (\d+)$/.exec(String(said[0]))![1])
  assert.ok(lost > 0)
  assert.is(lost + said.length - 2, 30 * 8_000)
})

test('a second agent, or exporter, is kept out of the directory', async () => {
  const made = await filled()
  try {
    await stored({ directory: made.directory })
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /^history::directory: .*history-\d+: another agent/)
  }
  await restart(made)
})

test('less space than a few blocks need is refused by its setting', () => {
  const settings = (max_bytes: number, directory = '/var/lib/fovea') =>
    checkHistory({ directory, max_bytes, max_age: 1 }, ['history']).map(
      ({ path, message }) => `${path.join('::')} ${message}`,
    )
  assert.equal(settings(1_048_575), ['history::max_bytes must be at least 1048576 (1 MiB)'])
  assert.equal([settings(1_048_576), settings(1, '')], [[], []])
})

test('a directory that cannot be used is named with its setting', async () => {
  const path = folder.at('file')
  writeFileSync(path, '')
  try {
    await stored({ directory: path })
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /^history::directory: .*\/file: /)
  }
})

test('files are for the owner alone', async () => {
  const made = await filled()
  await made.history.close()
  const modes = readdirSync(made.directory).map((name) => [name, statSync(join(made.directory, name)).mode & 0o077])
  assert.equal(
    modes.filter(([name, mode]) => name !== 'lock' && mode !== 0),
    [],
  )
  assert.is(statSync(made.directory).mode & 0o077, 0)
})

test.run()
