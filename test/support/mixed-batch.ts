import { FlowBatch } from '../../src/flow/batch.ts'
import { EventType, FlowType, Kind, ObservationPoint, Protocol, Reply, TcpFlag, Verdict } from '../../src/flow/enums.ts'

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
export function mixedBatch(length: number, seed = 1): FlowBatch {
  const batch = FlowBatch.allocate(length)
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
  for (let row = 0; row < length; ) {
    const dice = random(100)
    const rows = dice < 40 ? OPENING : dice < 80 ? CLOSING : dice < 98 ? DATAGRAM : DROPPED
    const protocol = rows !== DATAGRAM ? Protocol.TCP : dice < 95 ? Protocol.UDP : Protocol.ICMP
    const port = protocol === Protocol.ICMP ? 0 : random(1_000)
    for (const written of rows) if (row < length) setRow(batch, row++, written, protocol, port)
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
