import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressTextAt } from '../../../src/flow/address.ts'
import { Protocol } from '../../../src/flow/enums.ts'
import { LINK_TYPES, readLinkLayer } from '../../../src/receivers/pcap/link-layer.ts'
import { Parsed, readNetworkLayer } from '../../../src/receivers/pcap/network-layer.ts'
import { Dropper, Packet, PacketDirection } from '../../../src/receivers/pcap/packet.ts'
import { ethernetFrame, ipPacket, type PacketSpec } from '../../support/packets.ts'

const test = suite('headers of captured packets')

function read(bytes: Uint8Array, linkType = 1, littleEndian = true): { packet: Packet; parsed: number } {
  const packet = new Packet()
  packet.end = bytes.length
  packet.wireBytes = bytes.length
  const linked = readLinkLayer(linkType, bytes, packet, littleEndian)
  return { packet, parsed: linked ? readNetworkLayer(bytes, packet) : Parsed.MALFORMED }
}

const v6 = { source: '2001:db8::1', destination: '2001:db8::2' }

test('addresses, ports and flags are read', () => {
  const { packet } = read(ethernetFrame({ source: '192.0.2.1', destination: '192.0.2.9', tcpFlags: 0x112 }))
  assert.equal([addressTextAt(packet.addresses, 0), addressTextAt(packet.addresses, 16)], ['192.0.2.1', '192.0.2.9'])
  assert.equal([packet.sourcePort, packet.destinationPort, packet.tcpFlags], [40_000, 80, 0x112])
  assert.equal([packet.ipVersion, packet.protocol], [4, Protocol.TCP])
})

interface Case {
  name: string
  spec: PacketSpec
  expect: Partial<Packet>
}

const cases: readonly Case[] = [
  {
    name: 'UDP',
    spec: { protocol: 17, payload: new Uint8Array(9) },
    expect: { protocol: 17, payload: 42, payloadEnd: 51 },
  },
  { name: 'SCTP', spec: { protocol: 132 }, expect: { protocol: 132, sourcePort: 40_000 } },
  { name: 'ICMP', spec: { protocol: 1, icmp: [3, 1] }, expect: { icmpType: 3, icmpCode: 1, sourcePort: 0 } },
  { name: 'ICMPv6', spec: { ...v6, protocol: 58, icmp: [128, 0] }, expect: { icmpType: 128, ipVersion: 6 } },
  { name: 'a VLAN tag', spec: { vlans: [42] }, expect: { vlan: 42, sourcePort: 40_000 } },
  {
    name: 'two VLAN tags, of which the outer one counts',
    spec: { vlans: [7, 42] },
    expect: { vlan: 7, sourcePort: 40_000 },
  },
  { name: 'IP options', spec: { options: new Uint8Array(12) }, expect: { sourcePort: 40_000 } },
  { name: 'a later fragment, without ports', spec: { fragmentOffset: 1_480 }, expect: { protocol: 6, sourcePort: 0 } },
  {
    name: 'IPv6 extension headers',
    spec: { ...v6, extensions: { first: 0, bytes: Uint8Array.of(60, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0) } },
    expect: { protocol: 6, sourcePort: 40_000 },
  },
  {
    name: 'a later IPv6 fragment, without ports',
    spec: { ...v6, extensions: { first: 44, bytes: Uint8Array.of(17, 0, 0x05, 0xc8, 0, 0, 0, 1) } },
    expect: { protocol: 17, sourcePort: 0 },
  },
]
for (const { name, spec, expect } of cases)
  test(name, () => {
    const { packet, parsed } = read(ethernetFrame(spec))
    assert.is(parsed, Parsed.FLOW)
    for (const key of Object.keys(expect) as (keyof Packet)[]) assert.is(packet[key], expect[key], key)
  })

const sll = (type: number) => Buffer.from([0, type, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0])
const sll2 = (type: number) => Buffer.from([8, 0, 0, 0, 0, 0, 0, 2, 0, 1, type, 6, 2, 0, 0, 0, 0, 1, 0, 0])
const ip = ipPacket({})
const links = [
  { name: 'raw IP', type: 101, head: Buffer.alloc(0), wire: ip.length, direction: PacketDirection.UNKNOWN },
  { name: 'raw IPv4', type: 228, head: Buffer.alloc(0), wire: ip.length, direction: PacketDirection.UNKNOWN },
  { name: 'cooked, outgoing', type: 113, head: sll(4), wire: ip.length + 14, direction: PacketDirection.OUTBOUND },
  { name: 'cooked, incoming', type: 113, head: sll(0), wire: ip.length + 14, direction: PacketDirection.INBOUND },
  { name: 'cooked v2, outgoing', type: 276, head: sll2(4), wire: ip.length + 14, direction: PacketDirection.OUTBOUND },
  {
    name: 'loopback of BSD',
    type: 0,
    head: Buffer.from([2, 0, 0, 0]),
    wire: ip.length,
    direction: PacketDirection.UNKNOWN,
  },
  {
    name: 'loopback of OpenBSD',
    type: 108,
    head: Buffer.from([0, 0, 0, 2]),
    wire: ip.length,
    direction: PacketDirection.UNKNOWN,
  },
]
for (const { name, type, head, wire, direction } of links)
  test(`link type ${type}: ${name}`, () => {
    const { packet, parsed } = read(Buffer.concat([head, ip]), type)
    assert.is(parsed, Parsed.FLOW)
    assert.equal([packet.sourcePort, packet.wireBytes, packet.direction], [40_000, wire, direction])
  })

function nflog(prefix: string): Buffer {
  const attribute = (type: number, value: Buffer) => {
    const head = Buffer.alloc(4)
    head.writeUInt16LE(4 + value.length)
    head.writeUInt16LE(type, 2)
    return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)])
  }
  return Buffer.concat([Buffer.from([2, 0, 0, 17]), attribute(10, Buffer.from(`${prefix}\0`)), attribute(9, ip)])
}

for (const [prefix, droppedBy] of [
  ['DROP in', Dropper.NETFILTER],
  ['[reject] ', Dropper.NETFILTER],
  ['seen', Dropper.NOBODY],
] as const)
  test(`link type 239: netfilter logged with the prefix "${prefix}"`, () => {
    const { packet, parsed } = read(nflog(prefix), 239)
    assert.equal([parsed, packet.sourcePort, packet.wireBytes], [Parsed.FLOW, 40_000, ip.length])
    assert.is(packet.droppedBy, droppedBy)
  })

test('ARP is no flow', () => {
  const arp = Buffer.concat([Buffer.alloc(12), Buffer.from([8, 6]), Buffer.alloc(28)])
  assert.is(read(arp).parsed, Parsed.NOT_IP)
})

test('a packet cut behind its addresses is a flow without ports', () => {
  const { packet, parsed } = read(ethernetFrame({}).subarray(0, 14 + 20 + 5))
  assert.equal([parsed, packet.protocol, packet.sourcePort], [Parsed.FLOW, 6, 0])
})

test('a payload that was not captured whole says how much is missing', () => {
  const { packet } = read(ethernetFrame({ protocol: 17, payload: new Uint8Array(100) }).subarray(0, 80))
  assert.equal([packet.payloadEnd - packet.payload, packet.payloadMissing], [38, 62])
})

test('no bytes of any link type lead outside of the packet', () => {
  const types = Object.keys(LINK_TYPES).map(Number)
  const seeds = [ethernetFrame({ vlans: [1, 2] }), ethernetFrame({ ...v6, protocol: 17 }), ip, nflog('x')]
  const change = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 8 })
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.constantFrom(...seeds),
      change,
      fc.nat(90),
      (type, seed, changes, length) => {
        const bytes = Buffer.from(seed.subarray(0, length))
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        const { packet, parsed } = read(bytes, type)
        if (parsed !== Parsed.FLOW) return
        assert.ok(packet.payload <= packet.payloadEnd && packet.payloadEnd <= bytes.length)
        for (const port of [packet.sourcePort, packet.destinationPort]) assert.ok(port >= 0 && port <= 65_535)
      },
    ),
    { numRuns: 3_000 },
  )
})

test.run()
