import { FlowBatch } from '../../src/flow/batch.ts'
import { Kind, Protocol, Report, TcpFlag } from '../../src/flow/enums.ts'
import { Point } from '../../src/flow/points.ts'
import type { FlowConsumer } from '../../src/pipeline/component.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type DnsConfig, dnsConfig } from '../../src/processors/dns/config.ts'
import { DnsProcessor } from '../../src/processors/dns/processor.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { RecordDecoder } from '../../src/receivers/ebpf/decode.ts'
import { type NameResolver, nameRows } from '../../src/receivers/ebpf/name-rows.ts'
import { createContext } from '../support/create-context.ts'
import { type KernelRecord, recordBytes } from '../support/records.ts'

/** The way of a kernel record on one core, stage by stage: decode, names, the `dns` processor, the default metrics. */

const RECORDS = 10_000
const ROUNDS = 60
const REPEATS = 7

const SYN_ACK = TcpFlag.SYN | TcpFlag.ACK
const FIN_ACK = TcpFlag.FIN | TcpFlag.ACK

/** What a short TCP connection between two pods writes at its two interfaces and sockets. */
const CONNECTION: readonly KernelRecord[] = [
  { tcpFlags: TcpFlag.SYN, report: Report.FIRST },
  { tcpFlags: TcpFlag.SYN, report: Report.FIRST, point: Point.TO_ENDPOINT, ifindex: 3 },
  { tcpFlags: SYN_ACK, report: Report.FIRST, reply: 2, ifindex: 3 },
  { tcpFlags: SYN_ACK, report: Report.FIRST, reply: 2, point: Point.TO_ENDPOINT },
  { kind: Kind.TCP_CONNECT, point: Point.NONE, detail: 80, rttUs: 40, ifindex: 0 },
  { tcpFlags: FIN_ACK, report: Report.FLAG },
  { tcpFlags: FIN_ACK, report: Report.FLAG, point: Point.TO_ENDPOINT, ifindex: 3 },
  { tcpFlags: FIN_ACK, report: Report.FLAG, reply: 2, ifindex: 3 },
  { tcpFlags: FIN_ACK, report: Report.FLAG, reply: 2, point: Point.TO_ENDPOINT },
  { kind: Kind.TCP_CLOSE, point: Point.NONE, rttUs: 40, ifindex: 0 },
]

function slab(): ArrayBuffer {
  const record = (i: number): KernelRecord => {
    const connection = Math.floor(i / CONNECTION.length)
    return {
      ...CONNECTION[i % CONNECTION.length],
      protocol: Protocol.TCP,
      source: `10.0.${connection % 8}.${connection % 250}`,
      sourcePort: 32_768 + (connection % 28_000),
      timeNs: 5_000_000_000n + BigInt(i * 100),
    }
  }
  return Uint8Array.from(Buffer.concat(Array.from({ length: RECORDS }, (_, i) => recordBytes(record(i))))).buffer
}

const names: NameResolver = {
  interfaceName: (ifindex) => `veth${ifindex}`,
  dropReason: () => 'NO_SOCKET',
  location: () => 'tcp_v4_rcv+0x91',
}

/** Each stage does what the ones above it do, and its own. */
function stages(): [name: string, run: (bytes: ArrayBuffer) => void][] {
  const decoder = new RecordDecoder()
  const decode = (buffer: ArrayBuffer) =>
    new FlowBatch(
      decoder.decode({
        buffer,
        bytes: buffer.byteLength,
        records: RECORDS,
        offsetSeconds: 1_700_000_000,
        offsetNanos: 5,
      }).parts,
    )
  const named = (buffer: ArrayBuffer) => {
    const batch = decode(buffer)
    nameRows(batch, names)
    return batch
  }
  const metrics = new HubbleMetricsConnector(
    createContext('connector', 'hubble_metrics'),
    defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig,
  )
  const nothing: FlowConsumer = { mutates: false, consume: () => {} }
  const dns = (next: FlowConsumer) =>
    new DnsProcessor(createContext('processor', 'dns'), defaultsOf(dnsConfig.schema) as unknown as DnsConfig, next)
  const [dnsAlone, dnsAndMetrics] = [dns(nothing), dns(metrics)]
  const ending = (consume: (batch: FlowBatch) => void) => (buffer: ArrayBuffer) => {
    const batch = named(buffer)
    consume(batch)
    batch.release()
  }
  return [
    ['decode', (buffer) => decode(buffer).release()],
    ['+ names of interfaces', ending(() => {})],
    ['+ dns processor', ending((batch) => void dnsAlone.consume(batch))],
    ['+ hubble_metrics', ending((batch) => void dnsAndMetrics.consume(batch))],
  ]
}

const bytes = slab()
console.table(
  stages().map(([stage, run]) => {
    const times: number[] = []
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const start = process.hrtime.bigint()
      for (let i = 0; i < ROUNDS; i++) run(bytes)
      times.push(Number(process.hrtime.bigint() - start) / ROUNDS / RECORDS)
    }
    times.shift()
    times.sort((a, b) => a - b)
    const median = times[times.length >> 1]!
    return {
      stage,
      'ns/record min': times[0]!.toFixed(1),
      median: median.toFixed(1),
      max: times.at(-1)!.toFixed(1),
      'million/s': (1_000 / median).toFixed(1),
    }
  }),
)
