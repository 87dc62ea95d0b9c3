import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { Kind, L7Type, TcpFlag } from '../../../src/flow/enums.ts'
import type { SampleConfig } from '../../../src/processors/sample/config.ts'
import { connectionHash } from '../../../src/processors/sample/connection-hash.ts'
import { SampleProcessor } from '../../../src/processors/sample/processor.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'
import { Sink } from '../../support/sink.ts'

const test = suite('sample processor')
const CONFIG: SampleConfig = { one_in: 10, seed: 7, keep_drops: true, keep_dns_errors: true, keep_tcp_resets: true }
const CONNECTIONS = 20_000

function processor(settings: Partial<SampleConfig> = {}) {
  const context = createContext('processor', 'sample')
  const sink = new Sink()
  const sample = new SampleProcessor(context, { ...CONFIG, ...settings }, sink)
  const leftOut = (what: string) => ownMetric(context, `fovea_sample_left_out_${what}`, { processor: 'sample' })
  return { consume: (batch: FlowBatch) => sample.consume(batch), sink, leftOut }
}

/** One row for each of many connections, with 3 packets of 100 bytes. */
function many(row: (i: number) => FlowRow = () => ({})): FlowBatch[] {
  const batches: FlowBatch[] = []
  for (let first = 0; first < CONNECTIONS; first += 1_000) {
    const rows = Array.from({ length: 1_000 }, (_, i) => ({
      ...TCP_SYN,
      source: `10.${(first + i) >> 8}.${(first + i) & 255}.1`,
      packets: 3,
      bytes: 300,
      ...row(first + i),
    }))
    batches.push(flowBatch(rows))
  }
  return batches
}

const sum = (sink: Sink, name: 'packets' | 'bytes', weighted: boolean) =>
  sink
    .rows(({ columns }, row) => columns[name][row]! * (weighted ? columns.weight[row]! : 1))
    .reduce((total, value) => total + value, 0)

test('about one in N connections is kept, and the weighted sums are near the true ones', () => {
  const { consume, sink } = processor()
  for (const batch of many()) consume(batch)
  // Binomial: 2,000 kept on the average, standard deviation 42.
  assert.ok(Math.abs(sink.flows - 2_000) < 250, `${sink.flows} kept`)
  assert.ok(Math.abs(sum(sink, 'packets', true) / (3 * CONNECTIONS) - 1) < 0.125)
})

test('what was left out is counted exactly', () => {
  const { consume, sink, leftOut } = processor()
  for (const batch of many()) consume(batch)
  assert.is(leftOut('flows') + sink.flows, CONNECTIONS)
  assert.is(leftOut('packets') + sum(sink, 'packets', false), 3 * CONNECTIONS)
  assert.is(leftOut('bytes') + sum(sink, 'bytes', false), 300 * CONNECTIONS)
})

test('both directions of a connection and all its points share its fate', () => {
  const { columns } = flowBatch([
    { ...TCP_SYN, interfaceIndex: 1 },
    { ...TCP_SYN, interfaceIndex: 9, observationPoint: 101 },
    { ...TCP_SYN, source: TCP_SYN.destination, destination: TCP_SYN.source, sourcePort: 80, destinationPort: 40_000 },
    { ...TCP_SYN, sourcePort: 80, destinationPort: 40_000 },
  ])
  const [one, other, reply, unlike] = [0, 1, 2, 3].map((row) => connectionHash(columns, row, 7))
  assert.equal([other, reply], [one, one])
  assert.is.not(unlike, one)
})

test('another seed keeps other connections', () => {
  const kept = [1, 2].map((seed) => {
    const { consume, sink } = processor({ seed })
    for (const batch of many().slice(0, 3)) consume(batch)
    return sink.rows(({ columns }, row) => columns.sourceAddress[row * 4 + 3])
  })
  assert.ok(kept[0]!.filter((address) => kept[1]!.includes(address)).length < kept[0]!.length / 2)
})

const always: readonly { name: string; row: FlowRow; off: Partial<SampleConfig> }[] = [
  { name: 'drops', row: { kind: Kind.DROP }, off: { keep_drops: false } },
  { name: 'TCP resets', row: { tcpFlags: TcpFlag.RST }, off: { keep_tcp_resets: false } },
  {
    name: 'DNS errors',
    row: { l7: { type: L7Type.RESPONSE, query: 'a.test.', rcode: 3 } },
    off: { keep_dns_errors: false },
  },
]
for (const { name, row, off } of always) {
  test(`${name} are all kept and stand for themselves`, () => {
    const { consume, sink } = processor()
    for (const batch of many(() => row)) consume(batch)
    assert.is(sink.flows, CONNECTIONS)
    assert.is(sum(sink, 'packets', true), 3 * CONNECTIONS)
  })
  test(`${name} are sampled when told so`, () => {
    const { consume, sink } = processor(off)
    for (const batch of many(() => row)) consume(batch)
    assert.ok(Math.abs(sink.flows - 2_000) < 250, `${sink.flows} kept`)
  })
}

test('one in one passes everything as it is', () => {
  const { consume, sink } = processor({ one_in: 1 })
  const [batch] = many()
  consume(batch!)
  assert.is(sink.batches[0], batch)
})

test('weights of two samplers multiply', () => {
  const first = processor({ seed: 1, one_in: 2 })
  const second = processor({ seed: 2, one_in: 5 })
  for (const batch of many()) first.consume(batch)
  for (const batch of first.sink.batches) second.consume(batch)
  assert.equal([...new Set(second.sink.rows(({ columns }, row) => columns.weight[row]))], [10])
})

test('a batch of which nothing is kept goes on only to tell losses', () => {
  const { consume, sink } = processor({ one_in: 1_000_000 })
  consume(flowBatch([TCP_SYN]))
  assert.is(sink.batches.length, 0)
  consume(flowBatch([TCP_SYN], [{ source: 1, count: 5 }]))
  assert.equal([sink.flows, sink.batches[0]?.lost[0]?.count], [0, 5])
})

test.run()
