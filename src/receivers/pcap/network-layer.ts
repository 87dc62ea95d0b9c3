import { Protocol } from '../../flow/enums.ts'
import type { Packet } from './packet.ts'

/** What a packet is beyond its link header. */
export const Parsed = { FLOW: 0, NOT_IP: 1, MALFORMED: 2 } as const

/** IPv6 extension headers that are stepped over (RFC 8200 §4, AH: RFC 4302, mobility, HIP, shim6). */
const EXTENSIONS = new Set([0, 43, 51, 60, 135, 139, 140])
const FRAGMENT = 44
const AUTHENTICATION = 51
const MOST_EXTENSIONS = 8

/**
 * Reads IPv4 or IPv6 and the transport header from `packet.network` on. What is cut or contradictory behind the
 * addresses leaves a flow without ports. @returns one of `Parsed`
 */
export function readNetworkLayer(bytes: Uint8Array, packet: Packet): number {
  if (packet.etherType === 0x0800) return readIpv4(bytes, packet)
  if (packet.etherType === 0x86dd) return readIpv6(bytes, packet)
  return Parsed.NOT_IP
}

function readIpv4(bytes: Uint8Array, packet: Packet): number {
  const at = packet.network
  if (at + 20 > packet.end || bytes[at]! >>> 4 !== 4) return Parsed.MALFORMED
  const headerBytes = (bytes[at]! & 15) * 4
  packet.ipVersion = 4
  packet.addresses.fill(0)
  packet.addresses.fill(0xff, 10, 12).fill(0xff, 26, 28)
  for (let i = 0; i < 4; i++) {
    packet.addresses[12 + i] = bytes[at + 12 + i]!
    packet.addresses[28 + i] = bytes[at + 16 + i]!
  }
  packet.protocol = bytes[at + 9]!
  // Only the first fragment has a transport header.
  if (headerBytes < 20 || (u16(bytes, at + 6) & 0x1fff) !== 0) return Parsed.FLOW
  // A length of 0 is that of a segment the network card is to cut (TSO).
  const total = u16(bytes, at + 2) || Math.min(0xffff, packet.end - at)
  readTransport(bytes, packet, at + headerBytes, at + total)
  return Parsed.FLOW
}

function readIpv6(bytes: Uint8Array, packet: Packet): number {
  const at = packet.network
  if (at + 40 > packet.end || bytes[at]! >>> 4 !== 6) return Parsed.MALFORMED
  packet.ipVersion = 6
  for (let i = 0; i < 32; i++) packet.addresses[i] = bytes[at + 8 + i]!
  const payload = u16(bytes, at + 4)
  // 0 is a jumbogram's or that of a segment the network card is to cut.
  const end = at + 40 + (payload || 0xffff)
  let next = bytes[at + 6]!
  let header = at + 40
  for (let i = 0; i < MOST_EXTENSIONS && (EXTENSIONS.has(next) || next === FRAGMENT); i++) {
    if (header + 8 > packet.end) break
    if (next === FRAGMENT && (u16(bytes, header + 2) & 0xfff8) !== 0) {
      packet.protocol = bytes[header]!
      return Parsed.FLOW
    }
    const length = extensionBytes(next, bytes[header + 1]!)
    next = bytes[header]!
    header += length
  }
  packet.protocol = next
  readTransport(bytes, packet, header, end)
  return Parsed.FLOW
}

function extensionBytes(type: number, length: number): number {
  if (type === FRAGMENT) return 8
  return type === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8
}

/** @param end of the IP packet, which may lie behind what was captured */
function readTransport(bytes: Uint8Array, packet: Packet, at: number, end: number): void {
  const captured = Math.min(packet.end, end) - at
  switch (packet.protocol) {
    case Protocol.TCP:
      if (captured < 14) return
      readPorts(bytes, packet, at)
      packet.tcpFlags = u16(bytes, at + 12) & 0x1ff
      setPayload(packet, at + (bytes[at + 12]! >>> 4) * 4, end)
      return
    case Protocol.UDP:
      if (captured < 8) return
      readPorts(bytes, packet, at)
      setPayload(packet, at + 8, end)
      return
    case Protocol.SCTP:
      if (captured >= 4) readPorts(bytes, packet, at)
      return
    case Protocol.ICMP:
    case Protocol.ICMPV6:
      if (captured < 2) return
      packet.icmpType = bytes[at]!
      packet.icmpCode = bytes[at + 1]!
  }
}

function readPorts(bytes: Uint8Array, packet: Packet, at: number): void {
  packet.sourcePort = u16(bytes, at)
  packet.destinationPort = u16(bytes, at + 2)
}

function setPayload(packet: Packet, at: number, end: number): void {
  packet.payload = Math.min(at, packet.end)
  packet.payloadEnd = Math.max(packet.payload, Math.min(packet.end, end))
  packet.payloadMissing = Math.max(0, end - packet.end)
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
