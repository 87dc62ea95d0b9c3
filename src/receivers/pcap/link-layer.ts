import { readNflog } from './nflog.ts'
import { type Packet, PacketDirection } from './packet.ts'

/** Link types that are read, by number (https://www.tcpdump.org/linktypes.html). */
export const LINK_TYPES: Readonly<Record<number, string>> = {
  0: 'NULL',
  1: 'ETHERNET',
  12: 'RAW',
  14: 'RAW',
  101: 'RAW',
  108: 'LOOP',
  113: 'LINUX_SLL',
  228: 'IPV4',
  229: 'IPV6',
  239: 'NFLOG',
  276: 'LINUX_SLL2',
}

/** What netfilter rules log. */
const NFLOG = 239

const IPV4 = 0x0800
const IPV6 = 0x86dd
/** 802.1Q, 802.1ad, and what came before it. */
const VLAN_TAGS = new Set([0x8100, 0x88a8, 0x9100])
const MOST_TAGS = 4
const ETHERNET_HEADER = 14
/** `PACKET_OUTGOING` of a cooked header; the lower numbers arrive. */
const OUTGOING = 4
const HIGHEST_INCOMING = 3

/**
 * Finds the network header of a packet: sets `network`, `etherType` and `vlan`, the direction where a cooked header
 * tells it, and takes what only the capture added from `wireBytes`.
 * @param littleEndian byte order of the capture, which is that of the headers of NULL and NFLOG
 * @returns false when the link header is cut
 */
export function readLinkLayer(linkType: number, bytes: Uint8Array, packet: Packet, littleEndian: boolean): boolean {
  switch (linkType) {
    case 1:
      return readEthernet(bytes, packet, packet.start + 12)
    case 113:
      setCooked(packet, u16(bytes, packet.start), 16)
      return readEthernet(bytes, packet, packet.start + 14)
    case 276:
      setCooked(packet, bytes[packet.start + 10] ?? 0, 20)
      return readCooked2(bytes, packet)
    case 0:
    case 108:
      return readLoopback(bytes, packet, linkType === 0 && littleEndian)
    case NFLOG:
      return readNflog(bytes, packet, littleEndian) && readRaw(bytes, packet)
    default:
      packet.network = packet.start
      return readRaw(bytes, packet)
  }
}

function readRaw(bytes: Uint8Array, packet: Packet): boolean {
  packet.etherType = (bytes[packet.network] ?? 0) >>> 4 === 6 ? IPV6 : IPV4
  return packet.end > packet.network
}

/** Follows EtherTypes and VLAN tags from `at` on; `vlan` is the outer one. */
function readEthernet(bytes: Uint8Array, packet: Packet, at: number): boolean {
  let type = at
  for (let tags = 0; tags < MOST_TAGS && type + 2 <= packet.end && VLAN_TAGS.has(u16(bytes, type)); tags++) {
    if (tags === 0 && type + 4 <= packet.end) packet.vlan = u16(bytes, type + 2) & 0xfff
    type += 4
  }
  packet.network = type + 2
  packet.etherType = u16(bytes, type)
  return packet.network <= packet.end
}

/** The EtherType leads the second version of the cooked header; tags follow the header. */
function readCooked2(bytes: Uint8Array, packet: Packet): boolean {
  const type = u16(bytes, packet.start)
  packet.network = packet.start + 20
  packet.etherType = type
  if (!VLAN_TAGS.has(type)) return packet.network <= packet.end
  packet.vlan = u16(bytes, packet.network) & 0xfff
  return readEthernet(bytes, packet, packet.network + 2)
}

function setCooked(packet: Packet, packetType: number, headerBytes: number): void {
  if (packetType === OUTGOING) packet.direction = PacketDirection.OUTBOUND
  else if (packetType <= HIGHEST_INCOMING) packet.direction = PacketDirection.INBOUND
  // The kernel put this header in the place of Ethernet's.
  packet.wireBytes += ETHERNET_HEADER - headerBytes
}

/** An address family of the capturing system: IPv4 is 2 everywhere, IPv6 differs. */
function readLoopback(bytes: Uint8Array, packet: Packet, littleEndian: boolean): boolean {
  packet.network = packet.start + 4
  const family = littleEndian ? (bytes[packet.start] ?? 0) : (bytes[packet.start + 3] ?? 0)
  if (family === 2) packet.etherType = IPV4
  else packet.etherType = family === 10 || family === 24 || family === 28 || family === 30 ? IPV6 : 0
  packet.wireBytes -= 4
  return packet.network <= packet.end
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}
