import { encode } from 'dns-packet'
import { Kind, Protocol } from '../../src/flow/enums.ts'
import { RecordDecoder } from '../../src/receivers/ebpf/decode.ts'
import { type KernelRecord, recordBytes } from '../support/records.ts'

/** Decoding speed on one core by kind of record: `node test/bench/decode.ts`. */

const ROWS = 16_384
const ROUNDS = 40
const REPEATS = 7

const answer = encode({
  type: 'response',
  id: 7,
  questions: [{ type: 'A', name: 'api.example.com' }],
  answers: [
    { type: 'CNAME', name: 'api.example.com', ttl: 60, data: 'edge.example.net' },
    { type: 'A', name: 'edge.example.net', ttl: 30, data: '192.0.2.7' },
  ],
})

interface Case {
  name: string
  record: KernelRecord
  /** Nanoseconds between two records; negative ones mix the order as several CPUs do. */
  step: (i: number) => number
}

const cases: readonly Case[] = [
  { name: '96-byte records in order', record: {}, step: (i) => i * 100 },
  { name: '96-byte records of mixed CPUs', record: {}, step: (i) => i * 100 + (i % 7) * 350 },
  { name: '96-byte records of equal times', record: {}, step: () => 0 },
  {
    name: 'DNS answers (CNAME and A)',
    record: { kind: Kind.DNS, protocol: Protocol.UDP, sourcePort: 53, payload: answer },
    step: (i) => i * 100,
  },
]

function slab({ record, step }: Case): Uint8Array {
  const one = recordBytes(record)
  const rows = Math.min(ROWS, Math.floor((3 << 20) / one.length))
  const bytes = new Uint8Array(rows * one.length)
  for (let i = 0; i < rows; i++) {
    const at = i * one.length
    bytes.set(one, at)
    new DataView(bytes.buffer).setBigUint64(at + 8, 5_000_000_000n + BigInt(step(i)), true)
    new DataView(bytes.buffer).setUint16(at + 48, i, true)
  }
  return bytes
}

function measure(bytes: Uint8Array, records: number): number[] {
  const decoder = new RecordDecoder()
  const buffer = bytes.buffer as ArrayBuffer
  const task = { buffer, bytes: bytes.length, records, offsetSeconds: 1_700_000_000, offsetNanos: 5 }
  const times: number[] = []
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < ROUNDS; i++) decoder.decode(task)
    times.push(Number(process.hrtime.bigint() - start) / ROUNDS / records)
  }
  return times.slice(1).sort((a, b) => a - b)
}

console.table(
  cases.map((each) => {
    const bytes = slab(each)
    const recordSize = recordBytes(each.record).length
    const times = measure(bytes, bytes.length / recordSize)
    const median = times[times.length >> 1]!
    return {
      records: each.name,
      'ns/record min': times[0]!.toFixed(1),
      median: median.toFixed(1),
      max: times.at(-1)!.toFixed(1),
      'million/s': (1_000 / median).toFixed(1),
    }
  }),
)
