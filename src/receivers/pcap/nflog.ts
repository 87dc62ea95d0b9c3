import { Dropper, type Packet } from './packet.ts'

/** LINKTYPE_NFLOG: a header and attributes, of which one holds the packet (`linux/netfilter/nfnetlink_log.h`). */
const HEADER = 4
const ATTRIBUTE_HEADER = 4
const PAYLOAD = 9
const PREFIX = 10

/** Words that begin the prefix of a rule that is followed by a drop, by custom of those who write rules. */
const DROP_PREFIX = /^\W*(drop|reject|deny|denied|block)/i

/**
 * Finds the packet among the attributes and moves its ends there. A rule whose prefix says so tells that the packet was
 * dropped. @returns false when no packet is there
 */
export function readNflog(bytes: Uint8Array, packet: Packet, littleEndian: boolean): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const { start, end } = packet
  let found = false
  for (let at = start + HEADER; at + ATTRIBUTE_HEADER <= end; ) {
    const length = view.getUint16(at, littleEndian)
    const from = at + ATTRIBUTE_HEADER
    // The last attribute may be cut with the packet.
    const to = Math.min(at + length, end)
    if (length < ATTRIBUTE_HEADER) return found
    const type = view.getUint16(at + 2, littleEndian)
    if (type === PREFIX && isDropPrefix(bytes, from, to)) packet.droppedBy = Dropper.NETFILTER
    if (type === PAYLOAD) {
      packet.network = from
      packet.end = to
      packet.wireBytes = length - ATTRIBUTE_HEADER
      found = true
    }
    at += (length + 3) & ~3
  }
  return found
}

function isDropPrefix(bytes: Uint8Array, from: number, to: number): boolean {
  return DROP_PREFIX.test(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1'))
}
