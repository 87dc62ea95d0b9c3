import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch, LostEvents } from '../../../src/flow/batch.ts'
import { LostSource } from '../../../src/flow/enums.ts'
import { Losses } from '../../../src/flow/losses.ts'
import { RefusedError } from '../../../src/pipeline/component.ts'
import { WorkerPool } from '../../../src/pipeline/pool.ts'
import { SlabLine } from '../../../src/receivers/ebpf/slab-line.ts'
import { type KernelRecord, slabOf } from '../../support/records.ts'

const line = suite('SlabLine')
const NAMES = { interfaceName: (index: number) => `if${index}`, dropReason: () => '', location: () => '' }

/** The setting's limit. */
const MOST_SLABS = 256

/** A line into a sink, with everything it tells. */
class Bench {
  readonly given: ArrayBuffer[] = []
  readonly lost: string[] = []
  readonly told: LostEvents[][] = []
  readonly ports: number[][] = []
  readonly losses = new Losses(() => 1)
  readonly line: SlabLine
  /** What the sink does before it takes a batch. */
  before: () => void | Promise<void> = () => {}

  constructor(pool: Pick<WorkerPool, 'run'>) {
    this.line = new SlabLine({
      pool,
      names: NAMES,
      losses: this.losses,
      next: { mutates: false, consume: (batch) => this.#consume(batch) },
      give: (slab) => this.given.push(slab),
      onLost: (reason, records) => this.lost.push(`${reason} ${records}`),
      onUnparsedDns: () => {},
    })
  }

  push(...records: KernelRecord[]): void {
    const slab = slabOf(records)
    this.line.push({ slab, bytes: slab.byteLength, records: records.length, offsetSeconds: 0, offsetNanos: 0 })
  }

  async #consume(batch: FlowBatch): Promise<void> {
    await this.before()
    this.told.push(batch.lost)
    this.ports.push([...batch.columns.sourcePort.subarray(0, batch.length)])
  }
}

let pool: WorkerPool
line.before(() => {
  pool = new WorkerPool()
})
line.after(() => pool.close())

line('as many slabs as there can be wait for the worker, and none is lost', async () => {
  const bench = new Bench(pool)
  for (let port = 1; port <= MOST_SLABS; port++) bench.push({ sourcePort: port })
  await bench.line.drained()
  assert.equal(bench.lost, [])
  assert.is(bench.ports.length, MOST_SLABS)
})

line('hands batches on in the order of the slabs and gives the slabs back', async () => {
  const bench = new Bench(pool)
  for (let port = 1; port <= 6; port++) bench.push({ sourcePort: port }, { sourcePort: port * 100 })
  assert.is(bench.line.inFlight, 6)
  await bench.line.drained()
  assert.equal(
    bench.ports,
    [1, 2, 3, 4, 5, 6].map((port) => [port, port * 100]),
  )
  assert.is(bench.given.length, 6)
  assert.ok(bench.given.every((slab) => slab.byteLength > 0))
  assert.is(bench.line.inFlight, 0)
})

line('keeps a slab until its flows were taken', async () => {
  const bench = new Bench(pool)
  const gate = Promise.withResolvers<void>()
  bench.before = () => gate.promise
  bench.push({})
  bench.push({})
  await new Promise((resolve) => setImmediate(resolve))
  assert.is(bench.given.length, 0)
  gate.resolve()
  await bench.line.drained()
  assert.is(bench.given.length, 2)
})

line('a refused batch is told as lost by the next one, with what it was to tell itself', async () => {
  const bench = new Bench(pool)
  bench.losses.add(LostSource.PERF_EVENT_RING_BUFFER, 5)
  bench.before = () => {
    bench.before = () => {}
    throw new RefusedError('full')
  }
  bench.push({}, {}, {})
  bench.push({})
  await bench.line.drained()
  assert.equal(bench.told, [
    [
      { source: LostSource.PERF_EVENT_RING_BUFFER, count: 5, firstMs: 1, lastMs: 1 },
      { source: LostSource.OBSERVER_EVENTS_QUEUE, count: 3, firstMs: 1, lastMs: 1 },
    ],
  ])
})

line('a batch that only some took is not told as lost to those who have it', async () => {
  const bench = new Bench(pool)
  bench.losses.add(LostSource.PERF_EVENT_RING_BUFFER, 5)
  bench.before = () => {
    bench.before = () => {}
    throw new Error('exporter "otlp_grpc": sending queue is full')
  }
  bench.push({}, {}, {})
  bench.push({})
  await bench.line.drained()
  assert.equal(bench.told, [[]])
  assert.is(bench.given.length, 2)
})

line('a worker that dies loses its slab only: the loss is told, a new slab takes its place', async () => {
  const dying: Pick<WorkerPool, 'run'> = {
    run(_file, _name, task, move) {
      dying.run = pool.run.bind(pool)
      structuredClone(task, { transfer: [...move] })
      return pool.run(new URL('data:text/javascript,export const die = () => process.exit(1)'), 'die', {}, [])
    },
  }
  const bench = new Bench(dying)
  bench.push({}, {})
  await bench.line.drained()
  bench.push({ sourcePort: 9 })
  await bench.line.drained()
  assert.equal(bench.lost, ['worker 2'])
  assert.equal(bench.ports, [[9]])
  assert.equal(bench.told, [[{ source: LostSource.OBSERVER_EVENTS_QUEUE, count: 2, firstMs: 1, lastMs: 1 }]])
  assert.equal(
    bench.given.map((slab) => slab.byteLength),
    [192, 96],
  )
})

line('records that cannot be decoded are counted and told', async () => {
  const bench = new Bench(pool)
  bench.push({ sourcePort: 7 }, { kind: 99 })
  await bench.line.drained()
  assert.equal(bench.lost, ['undecodable 1'])
  assert.equal(bench.ports, [[7]])
})

line('a loss is told by an empty batch when nothing is on its way', async () => {
  const bench = new Bench(pool)
  bench.line.tellLosses()
  bench.losses.add(LostSource.PERF_EVENT_RING_BUFFER, 8)
  bench.line.tellLosses()
  await bench.line.drained()
  assert.equal(bench.ports, [[]])
  assert.is(bench.told[0]?.[0]?.count, 8)
})

line.run()
