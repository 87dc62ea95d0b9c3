import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeBlock, encodeBlock } from '../../../../src/exporters/hubble/history/block.ts'
import { EndpointReader, EndpointWriter } from '../../../../src/exporters/hubble/history/stored-endpoints.ts'
import { FlowEntry, LostEntry, type RingEntry } from '../../../../src/exporters/hubble/ring-entry.ts'
import type { FlowBatch } from '../../../../src/flow/batch.ts'
import { COLUMNS, type ColumnName } from '../../../../src/flow/columns.ts'
import { EndpointTable, endpoint } from '../../../../src/flow/endpoint.ts'
import { Ends } from '../../../../src/flow/ends.ts'
import { ForeignBuilder } from '../../../../src/flow/foreign.ts'
import { HubbleEncoder } from '../../../../src/flow/hubble-encode.ts'
import { uuidPrefix } from '../../../../src/flow/hubble-uuid.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../../support/flows.ts'

const test = suite('history block')

/** Ids are compared as what they stand for. */
const columnNames = (Object.keys(COLUMNS) as ColumnName[]).filter((column) => !column.endsWith('Endpoint'))

const word = fc.integer({ min: 0, max: 0xffff_ffff })
const name = fc.string({ maxLength: 12 })
const row: fc.Arbitrary<FlowRow> = fc.record({
  sourcePort: fc.nat(0xffff),
  detail: word,
  bytes: fc.double({ min: 0, noNaN: true }),
  weight: fc.constantFrom(1, 2.5),
  verdict: fc.nat(255),
  timeMs: fc.nat(2 ** 41),
  source: fc.ipV4(),
  destination: fc.ipV6(),
  sourceNames: name,
  interfaceName: name,
  l7: fc.option(
    fc.record({
      type: fc.nat(3),
      query: name,
      types: fc.array(fc.nat(0xffff), { maxLength: 3 }),
      names: fc.constant(['a.']),
    }),
    { nil: undefined as never },
  ),
})
/** A batch or a report of loss; the number says how many pods its flows have. */
const entry = fc.oneof(
  fc.tuple(fc.array(row, { minLength: 1, maxLength: 30 }), fc.nat(3), fc.boolean()),
  fc.record({ source: fc.nat(3), count: fc.nat(), firstMs: fc.nat(), lastMs: fc.nat() }).map((lost) => ({ ...lost })),
)

test('what is decoded is what was encoded, whatever ids its endpoints have then', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 6 }),
      fc.nat(1000),
      fc.nat(2 ** 40),
      (parts, from, serial) => {
        const table = new EndpointTable()
        const pods = Array.from({ length: 3 }, (_, i) =>
          table.add(endpoint({ podName: `pod-${i}`, labels: ['a=\n', '"'] })),
        )
        let sequence = from
        const entries: RingEntry[] = parts.map((part, i) => {
          const made = Array.isArray(part)
            ? new FlowEntry(batchOf(part, pods), sequence, serial + i)
            : new LostEntry(part, sequence, 1_000 * i)
          sequence += made.length
          return made
        })
        const { header, body } = encodeBlock(entries, new EndpointWriter(table))
        assert.equal([header.from, header.events, header.rawBytes], [from, sequence - from, body.length])
        const other = new EndpointTable()
        for (let i = 0; i < 5; i++) other.add(endpoint({ podName: 'other' }))
        const decoded = decodeBlock(body, from, new EndpointReader(other))
        assert.equal(decoded.entries.map(plain(other)), entries.map(plain(table)))
        for (const { at, ...rest } of decoded.entries.map(plain(other)))
          if (at === 'flows') for (const ms of rest.times!) assert.ok(ms >= header.oldestMs && ms <= header.youngestMs)
      },
    ),
    { numRuns: 200 },
  )
})

function batchOf([rows, pods, foreign]: [FlowRow[], number, boolean], ids: readonly number[]): FlowBatch {
  const batch = flowBatch(rows.map(({ l7, ...rest }) => ({ ...TCP_SYN, ...rest, ...(l7 === undefined ? {} : { l7 }) })))
  const { sourceEndpoint, destinationEndpoint } = batch.columns
  for (let i = 0; i < rows.length; i++) {
    sourceEndpoint[i] = pods === 0 ? i % 3 : ids[i % pods]!
    destinationEndpoint[i] = pods === 0 ? 0 : ids[(i + 1) % pods]!
  }
  if (!foreign) return batch
  const builder = new ForeignBuilder(rows.length)
  // Field 34, the UUID, of as many letters.
  for (let i = 0; i < rows.length; i++) builder.add(Uint8Array.of(0x92, 0x02, i, ...new Array(i).fill(0x61)))
  batch.foreign = builder.take()
  return batch
}

/** Everything of an entry that a reader may ask for, as plain values. */
function plain(table: EndpointTable) {
  const prefix = uuidPrefix('00000000-0000-8000-8000-000000000000')
  const emitter = { name: 'Fovea', version: '0' }
  const encoder = new HubbleEncoder({ nodeName: 'node-1', emitter, ends: new Ends(table), uuidPrefix: prefix })
  return (of: RingEntry) => {
    if (of.at === 'lost') return { at: of.at, from: of.from, lost: of.lost, timeMs: of.timeMs }
    const { batch, from, serial } = of
    const rows = Array.from({ length: batch.length }, (_, i) => i)
    const { sourceEndpoint, destinationEndpoint } = batch.columns
    return {
      at: of.at,
      from,
      serial,
      columns: columnNames.map((column) => [...batch.columns[column].subarray(0, batch.length * COLUMNS[column][1])]),
      ends: rows.map((i) => [table.get(sourceEndpoint[i]!), table.get(destinationEndpoint[i]!)]),
      strings: batch.strings,
      l7: rows.map((i) => (batch.columns.l7[i] ? batch.l7.query(batch.columns.l7[i]! - 1) : '')),
      foreign: rows.map((i) => batch.foreign?.uuid(i)),
      times: rows.map((i) => batch.columns.timeSeconds[i]! * 1_000 + batch.columns.timeNanos[i]! / 1e6),
      answers: batch.foreign === undefined ? rows.map((i) => [...encoder.response(batch, i, serial)]) : [],
    }
  }
}

test.run()
