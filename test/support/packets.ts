import ipaddr from 'ipaddr.js'

/** A packet as a test writes it; addresses decide the IP version. */
export interface PacketSpec {
  source?: string
  destination?: string
  /** IANA number; default TCP. */
  protocol?: number
  sourcePort?: number
  destinationPort?: number
  tcpFlags?: number
  icmp?: [type: number, code: number]
  payload?: Uint8Array
  vlans?: number[]
  /** IPv4: bytes of options; IPv6: whole extension headers, with the number of the first. */
  options?: Uint8Array
  extensions?: { first: number; bytes: Uint8Array }
  fragmentOffset?: number
}

/** The IP packet. */
export function ipPacket(spec: PacketSpec): Buffer {
  const source = ipaddr.parse(spec.source ?? '10.0.0.1')
  const destination = ipaddr.parse(spec.destination ?? '10.0.0.2')
  const transport = transportBytes(spec)
  if (source.kind() === 'ipv6')
    return ipv6Packet(spec, [...source.toByteArray(), ...destination.toByteArray()], transport)
  const options = spec.options ?? new Uint8Array(0)
  const header = Buffer.alloc(20 + options.length)
  header[0] = 0x40 | (header.length / 4)
  header.writeUInt16BE(header.length + transport.length, 2)
  header.writeUInt16BE((spec.fragmentOffset ?? 0) / 8, 6)
  header[8] = 64
  header[9] = spec.protocol ?? 6
  header.set([...source.toByteArray(), ...destination.toByteArray()], 12)
  header.set(options, 20)
  return Buffer.concat([header, transport])
}

function ipv6Packet(spec: PacketSpec, addresses: number[], transport: Buffer): Buffer {
  const extensions = spec.extensions?.bytes ?? new Uint8Array(0)
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(extensions.length + transport.length, 4)
  header[6] = spec.extensions?.first ?? spec.protocol ?? 6
  header[7] = 64
  header.set(addresses, 8)
  return Buffer.concat([header, extensions, transport])
}

/** The Ethernet frame with its VLAN tags (outer first). */
export function ethernetFrame(spec: PacketSpec): Buffer {
  const v6 = (spec.source ?? '').includes(':')
  const tags = (spec.vlans ?? []).flatMap((id) => [0x81, 0x00, id >> 8, id & 0xff])
  return Buffer.concat([
    Buffer.from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...tags, ...(v6 ? [0x86, 0xdd] : [8, 0])]),
    ipPacket(spec),
  ])
}

function transportBytes(spec: PacketSpec): Buffer {
  const payload = spec.payload ?? new Uint8Array(0)
  const protocol = spec.protocol ?? 6
  if (protocol === 1 || protocol === 58) return Buffer.from([...(spec.icmp ?? [8, 0]), 0, 0, 0, 0, 0, 0, ...payload])
  const header = Buffer.alloc(protocol === 6 ? 20 : protocol === 17 ? 8 : 12)
  header.writeUInt16BE(spec.sourcePort ?? 40_000, 0)
  header.writeUInt16BE(spec.destinationPort ?? 80, 2)
  if (protocol === 6) header.writeUInt16BE(0x5000 | (spec.tcpFlags ?? 0x10), 12)
  if (protocol === 17) header.writeUInt16BE(8 + payload.length, 4)
  return Buffer.concat([header, payload])
}
