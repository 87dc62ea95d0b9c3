import { FlowBatch } from '../../src/flow/batch.ts'
import { Ends } from '../../src/flow/ends.ts'
import { EventType, FlowType, Kind, ObservationPoint, Protocol, Reply, TcpFlag, Verdict } from '../../src/flow/enums.ts'
import { Family } from '../../src/metrics/family.ts'
import { writeText } from '../../src/metrics/text.ts'
import { NO_ENDS } from '../../src/processors/hubble_metrics/contexts/end-labels.ts'
import type { Handler, HandlerSettings } from '../../src/processors/hubble_metrics/handlers/handler.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'

/** Cost of counting: nanoseconds a row of each handler of `hubble_metrics`, and of writing and keeping series. */

const ROWS = 8_192
const ROUNDS = 50
const RUNS = 20

const settings: HandlerSettings = {
  options: new Map(),
  ends: NO_ENDS,
  endpoints: new Ends(),
  family: (options) => new Family({ limit: 2_000, ...options }),
}

/** What one connection writes into the ring, in order: kind, point, flags, reply. */
const { TO_STACK, TO_ENDPOINT } = ObservationPoint
const OPENING: readonly [number, number, number, number][] = [
  [Kind.PACKETS, TO_STACK, TcpFlag.SYN, Reply.NO],
  [Kind.PACKETS, TO_ENDPOINT, TcpFlag.SYN, Reply.NO],
  [Kind.PACKETS, TO_STACK, TcpFlag.SYN | TcpFlag.ACK, Reply.YES],
  [Kind.PACKETS, TO_ENDPOINT, TcpFlag.SYN | TcpFlag.ACK, Reply.YES],
  [Kind.TCP_CONNECT, 0, 0, Reply.UNKNOWN],
]
const CLOSING: readonly [number, number, number, number][] = [
  [Kind.PACKETS, TO_STACK, TcpFlag.FIN | TcpFlag.ACK, Reply.NO],
  [Kind.PACKETS, TO_ENDPOINT, TcpFlag.FIN | TcpFlag.ACK, Reply.NO],
  [Kind.PACKETS, TO_STACK, TcpFlag.FIN | TcpFlag.ACK, Reply.YES],
  [Kind.PACKETS, TO_ENDPOINT, TcpFlag.FIN | TcpFlag.ACK, Reply.YES],
  [Kind.TCP_CLOSE, 0, 0, Reply.UNKNOWN],
]
const DATAGRAM: readonly [number, number, number, number][] = [
  [Kind.PACKETS, TO_STACK, 0, Reply.NO],
  [Kind.PACKETS, TO_ENDPOINT, 0, Reply.NO],
  [Kind.PACKETS, TO_STACK, 0, Reply.YES],
  [Kind.PACKETS, TO_ENDPOINT, 0, Reply.YES],
]
const DROPPED: readonly [number, number, number, number][] = [[Kind.DROP, 0, TcpFlag.SYN, Reply.UNKNOWN]]

/** A batch as decoding makes them: connections that open and close, datagrams, ICMP, a drop now and then; 1,000 ports. */
function mixedBatch(): FlowBatch {
  const batch = FlowBatch.allocate(ROWS)
  let seed = 1
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  for (let row = 0; row < ROWS; ) {
    const dice = random(100)
    const rows = dice < 40 ? OPENING : dice < 80 ? CLOSING : dice < 98 ? DATAGRAM : DROPPED
    const protocol = rows !== DATAGRAM ? Protocol.TCP : dice < 95 ? Protocol.UDP : Protocol.ICMP
    const port = protocol === Protocol.ICMP ? 0 : random(1_000)
    for (const written of rows) if (row < ROWS) setRow(batch, row++, written, protocol, port)
  }
  return batch
}

function setRow(
  batch: FlowBatch,
  row: number,
  [kind, point, flags, reply]: readonly [number, number, number, number],
  protocol: number,
  port: number,
): void {
  const c = batch.columns
  const packets = kind === Kind.PACKETS
  const drop = kind === Kind.DROP
  c.kind[row] = kind
  c.type[row] = packets || drop ? FlowType.L3_L4 : FlowType.SOCK
  c.eventType[row] = packets ? EventType.TRACE : drop ? EventType.DROP : EventType.TRACE_SOCK
  c.eventSubType[row] = packets ? point % 101 : drop ? 133 : 0
  c.verdict[row] = packets ? Verdict.FORWARDED : drop ? Verdict.DROPPED : Verdict.TRACED
  c.dropReason[row] = drop ? 133 : 0
  c.observationPoint[row] = point
  c.protocol[row] = protocol
  c.tcpFlags[row] = flags
  c.destinationPort[row] = port
  c.isReply[row] = reply
  c.ipVersion[row] = 4
  c.packets[row] = 1
  c.bytes[row] = 74
  c.rttUs[row] = packets || drop ? 0 : 500
  c.detail[row] = 700
  c.dropReasonName[row] = drop ? batch.intern('NETFILTER_DROP') : 0
  c.dropLocation[row] = drop ? batch.intern('nf_hook_slow+0x93') : 0
}

/** Nanoseconds a row: the best of several runs, because the machine has other things to do. */
function cost(handlers: readonly Handler[], batch: FlowBatch): number {
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < ROUNDS; i++) for (const handler of handlers) handler.observe(batch)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (ROUNDS * ROWS))
  }
  return best
}

const batch = mixedBatch()
const all: Handler[] = []
const table: Record<string, string>[] = []
for (const [name, kind] of Object.entries(HANDLER_KINDS)) {
  for (const which of ['hubble', 'exact'] as const) {
    const handler = kind[which]?.(settings)
    if (handler === undefined) continue
    all.push(handler)
    table.push({ handler: `${name} (${which})`, 'ns/row': cost([handler], batch).toFixed(1) })
  }
}
const total = cost(all, batch)
table.push({ handler: 'all', 'ns/row': total.toFixed(1), 'million rows/s': (1_000 / total).toFixed(1) })
console.table(table)

const before = process.memoryUsage()
const family = new Family({ name: 'x_total', help: 'x', kind: 'counter', labels: ['a', 'b', 'c', 'd'], limit: 100_000 })
for (let i = 0; i < 100_000; i++) family.series('source', `namespace-${i % 50}`, `pod-${i % 5_000}`, `${i}`)
globalThis.gc?.()
const after = process.memoryUsage()
const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
const start = process.hrtime.bigint()
let length = 0
for (const chunk of writeText([family])) length += chunk.length
const ms = Number(process.hrtime.bigint() - start) / 1e6
console.table([
  { '100,000 series': 'memory, bytes a series (run with --expose-gc)', value: Math.round(bytes / 100_000) },
  { '100,000 series': 'text, ms', value: Math.round(ms) },
  { '100,000 series': 'text, MiB', value: (length / 1_048_576).toFixed(1) },
])
