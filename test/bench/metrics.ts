import { FlowBatch } from '../../src/flow/batch.ts'
import { EventType, FlowType, Kind, ObservationPoint, Protocol, Reply, TcpFlag, Verdict } from '../../src/flow/enums.ts'
import { Family } from '../../src/metrics/family.ts'
import { writeText } from '../../src/metrics/text.ts'
import type { Handler, HandlerSettings } from '../../src/processors/hubble_metrics/handlers/handler.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'

/** Cost of counting: nanoseconds a row of each handler of `hubble_metrics`, and of writing and keeping series. */

const ROWS = 8_192
const ROUNDS = 400

const settings: HandlerSettings = { options: new Map(), family: (options) => new Family({ limit: 2_000, ...options }) }

/** A batch as decoding makes them: both directions of TCP and UDP at four points, some ICMP, drops and socket events. */
function mixedBatch(): FlowBatch {
  const batch = FlowBatch.allocate(ROWS)
  const c = batch.columns
  const points = [
    ObservationPoint.TO_STACK,
    ObservationPoint.TO_ENDPOINT,
    ObservationPoint.FROM_NETWORK,
    ObservationPoint.TO_NETWORK,
  ]
  const [reason, place] = [batch.intern('NETFILTER_DROP'), batch.intern('nf_hook_slow+0x93')]
  let seed = 1
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  for (let i = 0; i < ROWS; i++) {
    const dice = random(100)
    c.kind[i] = dice < 94 ? Kind.PACKETS : dice < 96 ? Kind.DROP : dice < 98 ? Kind.TCP_CONNECT : Kind.TCP_CLOSE
    const packets = c.kind[i] === Kind.PACKETS
    c.type[i] = packets ? FlowType.L3_L4 : FlowType.SOCK
    c.eventType[i] = packets ? EventType.TRACE : dice < 96 ? EventType.DROP : EventType.TRACE_SOCK
    c.verdict[i] = packets ? Verdict.FORWARDED : dice < 96 ? Verdict.DROPPED : Verdict.TRACED
    c.observationPoint[i] = packets ? points[random(4)]! : 0
    c.eventSubType[i] = c.observationPoint[i]! === 101 ? 0 : c.observationPoint[i]!
    c.protocol[i] = [Protocol.TCP, Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.ICMP][random(5)]!
    c.tcpFlags[i] =
      c.protocol[i] === Protocol.TCP ? [TcpFlag.SYN, TcpFlag.ACK, TcpFlag.FIN | TcpFlag.ACK][random(3)]! : 0
    c.destinationPort[i] = random(1_000)
    c.isReply[i] = random(2) === 0 ? Reply.NO : Reply.YES
    c.ipVersion[i] = 4
    c.packets[i] = random(100)
    c.bytes[i] = random(100_000)
    c.rttUs[i] = packets ? 0 : random(10_000)
    c.detail[i] = random(10_000)
    if (dice < 96 && !packets) {
      c.dropReasonName[i] = reason
      c.dropLocation[i] = place
    }
  }
  return batch
}

/** Nanoseconds a row. */
function cost(handlers: readonly Handler[], batch: FlowBatch): number {
  const run = (rounds: number) => {
    for (let i = 0; i < rounds; i++) for (const handler of handlers) handler.observe(batch)
  }
  run(50)
  const start = process.hrtime.bigint()
  run(ROUNDS)
  return Number(process.hrtime.bigint() - start) / (ROUNDS * ROWS)
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
