import { Protocol } from '../../src/flow/enums.ts'
import { addressBytes } from './flows.ts'

/** EtherTypes (IEEE 802 numbers). */
export const EtherType = { IPV4: 0x0800, ARP: 0x0806, IPV6: 0x86dd, VLAN: 0x8100, QINQ: 0x88a8 } as const

/** IPv6 extension headers (IANA protocol numbers). */
export const Extension = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, AUTHENTICATION: 51, DESTINATION: 60 } as const

/** A VLAN tag: its EtherType and id. */
export interface Tag {
  type?: number
  id: number
}

/** Ethernet header, tags from the outer to the inner one, then `payload` of EtherType `type`. */
export function ethernet(
  type: number,
  payload: Uint8Array,
  options: { tags?: Tag[]; destinationMac?: number[] } = {},
): Buffer {
  const tags = options.tags ?? []
  const types = [...tags.map((tag) => tag.type ?? EtherType.VLAN), type]
  const words = [uint16(types[0] ?? type)]
  for (const [i, tag] of tags.entries()) words.push(uint16(tag.id), uint16(types[i + 1] ?? type))
  const macs = Uint8Array.from([...(options.destinationMac ?? [2, 0, 0, 0, 0, 2]), 2, 0, 0, 0, 0, 1])
  return Buffer.concat([macs, ...words, payload])
}

export interface Ipv4 {
  source?: string
  destination?: string
  protocol: number
  /** Bytes of options: a multiple of 4, at most 40. */
  optionBytes?: number
  /** In units of 8 bytes. */
  fragmentOffset?: number
  moreFragments?: boolean
  /** What the header claims, where it is not the truth. */
  totalLength?: number
  /** In words of 4 bytes. */
  headerLength?: number
  version?: number
}

/** RFC 791 §3.1. */
export function ipv4(header: Ipv4, payload: Uint8Array): Buffer {
  const optionBytes = header.optionBytes ?? 0
  const bytes = Buffer.alloc(20 + optionBytes, 1)
  bytes[0] = ((header.version ?? 4) << 4) | (header.headerLength ?? 5 + optionBytes / 4)
  bytes.writeUInt16BE(header.totalLength ?? bytes.length + payload.length, 2)
  bytes.writeUInt16BE((header.fragmentOffset ?? 0) | (header.moreFragments ? 0x2000 : 0), 6)
  bytes[9] = header.protocol
  bytes.set(addressBytes(header.source ?? '10.0.0.1').subarray(12), 12)
  bytes.set(addressBytes(header.destination ?? '10.0.0.2').subarray(12), 16)
  return Buffer.concat([bytes, payload])
}

export interface Ipv6 {
  source?: string
  destination?: string
  nextHeader: number
}

/** RFC 8200 §3. */
export function ipv6(header: Ipv6, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(40)
  bytes[0] = 0x60
  bytes.writeUInt16BE(payload.length, 4)
  bytes[6] = header.nextHeader
  bytes[7] = 64
  bytes.set(addressBytes(header.source ?? 'fd00::1'), 8)
  bytes.set(addressBytes(header.destination ?? 'fd00::2'), 24)
  return Buffer.concat([bytes, payload])
}

/** An extension header of type `type` with `units` units beyond its first 8 bytes. */
export function extension(type: number, nextHeader: number, payload: Uint8Array, units = 0): Buffer {
  const bytes = Buffer.alloc(8 + units * (type === Extension.AUTHENTICATION ? 4 : 8))
  bytes[0] = nextHeader
  bytes[1] = units
  return Buffer.concat([bytes, payload])
}

/** RFC 8200 §4.5. @param offset in units of 8 bytes */
export function fragment(nextHeader: number, offset: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(8)
  bytes[0] = nextHeader
  bytes.writeUInt16BE((offset << 3) | 1, 2)
  return Buffer.concat([bytes, payload])
}

export interface Ports {
  sourcePort?: number
  destinationPort?: number
}

export interface Tcp extends Ports {
  /** NS is 0x100. */
  flags?: number
  /** A multiple of 4. */
  optionBytes?: number
  /** In words of 4 bytes, where it is not the truth. */
  dataOffset?: number
}

/** RFC 9293 §3.1. */
export function tcp(header: Tcp, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(20 + (header.optionBytes ?? 0), 1)
  const flags = header.flags ?? 0x10
  bytes.writeUInt16BE(header.sourcePort ?? 40_000, 0)
  bytes.writeUInt16BE(header.destinationPort ?? 80, 2)
  bytes[12] = ((header.dataOffset ?? bytes.length / 4) << 4) | (flags >> 8)
  bytes[13] = flags & 0xff
  return Buffer.concat([bytes, payload])
}

/** RFC 768. */
export function udp(header: Ports, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16BE(header.sourcePort ?? 40_000, 0)
  bytes.writeUInt16BE(header.destinationPort ?? 5000, 2)
  bytes.writeUInt16BE(8 + payload.length, 4)
  return Buffer.concat([bytes, payload])
}

/** Common header of RFC 9260 §3.1. */
export function sctp(header: Ports): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt16BE(header.sourcePort ?? 40_000, 0)
  bytes.writeUInt16BE(header.destinationPort ?? 3868, 2)
  return bytes
}

/** First 8 bytes of an ICMP or ICMPv6 message. */
export function icmp(type: number, code = 0): Buffer {
  return Buffer.from([type, code, 0, 0, 0, 1, 0, 1])
}

export interface Ends {
  source?: string
  destination?: string
}

/** An Ethernet frame with IPv4 or IPv6, as the addresses say, and `transport`. */
export function frame(ends: Ends, protocol: number, transport: Uint8Array, tags: Tag[] = []): Buffer {
  if ((ends.source ?? '').includes(':'))
    return ethernet(EtherType.IPV6, ipv6({ ...ends, nextHeader: protocol }, transport), { tags })
  return ethernet(EtherType.IPV4, ipv4({ ...ends, protocol }, transport), { tags })
}

/** Both directions of a TCP or UDP conversation: the client 10.0.0.1, the server 10.0.0.2. */
export class Conversation {
  readonly #protocol: number
  readonly #client: number
  readonly #server: number

  constructor(protocol: number, options: { clientPort?: number; serverPort?: number } = {}) {
    this.#protocol = protocol
    this.#client = options.clientPort ?? 40_000
    this.#server = options.serverPort ?? 80
  }

  /** A packet of the client. */
  request(flags = 0x10, payload: Uint8Array = Buffer.alloc(0)): Buffer {
    const ports = { sourcePort: this.#client, destinationPort: this.#server }
    return frame({}, this.#protocol, this.#transport(ports, flags, payload))
  }

  /** A packet of the server. */
  answer(flags = 0x10, payload: Uint8Array = Buffer.alloc(0)): Buffer {
    const ports = { sourcePort: this.#server, destinationPort: this.#client }
    const ends = { source: '10.0.0.2', destination: '10.0.0.1' }
    return frame(ends, this.#protocol, this.#transport(ports, flags, payload))
  }

  #transport(ports: Ports, flags: number, payload: Uint8Array): Buffer {
    return this.#protocol === Protocol.TCP ? tcp({ ...ports, flags }, payload) : udp(ports, payload)
  }
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
