import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Protocol } from '../../src/flow/enums.ts'
import {
  EtherType,
  Extension,
  ethernet,
  extension,
  fragment,
  frame,
  icmp,
  ipv4,
  ipv6,
  sctp,
  tcp,
  udp,
} from '../support/frames.ts'
import { Counter, PacketPrograms, type RecordFields } from '../support/packet-programs.ts'

const V4 = { source: '10.0.0.1', destination: '10.0.0.2' }
const V6 = { source: 'fd00::1', destination: 'fd00::2' }
const IN_V4 = { ipVersion: 4, ...V4 }
const IN_V6 = { ipVersion: 6, ...V6 }
const TCP = { protocol: Protocol.TCP, sourcePort: 40_000, destinationPort: 80 }
const UDP = { protocol: Protocol.UDP, sourcePort: 40_000, destinationPort: 5000 }
const ETHERNET_BYTES = 14
const NO_PORTS = { sourcePort: 0, destinationPort: 0 }
const { HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION } = Extension

const ip4 = (header: Parameters<typeof ipv4>[0], payload: Buffer) =>
  ethernet(EtherType.IPV4, ipv4({ ...V4, ...header }, payload))
const ip6 = (nextHeader: number, payload: Buffer) => ethernet(EtherType.IPV6, ipv6({ ...V6, nextHeader }, payload))

const whole: { name: string; packet: Buffer; padding?: number; expect: Partial<RecordFields> }[] = [
  {
    name: 'TCP over IPv4 with all nine flags',
    packet: frame(V4, 6, tcp({ flags: 0x1fe })),
    expect: { ...IN_V4, ...TCP, tcpFlags: 0x1fe },
  },
  { name: 'TCP over IPv6', packet: frame(V6, 6, tcp({ flags: 2 })), expect: { ...IN_V6, ...TCP, tcpFlags: 2 } },
  { name: 'TCP with options', packet: frame(V4, 6, tcp({ optionBytes: 40 })), expect: { ...IN_V4, ...TCP } },
  { name: 'UDP over IPv4', packet: frame(V4, 17, udp({})), expect: { ...IN_V4, ...UDP } },
  { name: 'UDP over IPv6', packet: frame(V6, 17, udp({})), expect: { ...IN_V6, ...UDP } },
  {
    name: 'SCTP',
    packet: frame(V4, 132, sctp({})),
    expect: { ...IN_V4, protocol: Protocol.SCTP, sourcePort: 40_000, destinationPort: 3868 },
  },
  {
    name: 'an ICMP echo request',
    packet: frame(V4, 1, icmp(8)),
    expect: { ...IN_V4, ...NO_PORTS, protocol: Protocol.ICMP, icmpType: 8, icmpCode: 0 },
  },
  {
    name: 'an ICMP echo reply',
    packet: frame(V4, 1, icmp(0)),
    expect: { ...IN_V4, icmpType: 0, reply: 2, direction: 1 },
  },
  {
    name: 'ICMP unreachable with its code',
    packet: frame(V4, 1, icmp(3, 10)),
    expect: { ...IN_V4, icmpType: 3, icmpCode: 10 },
  },
  {
    name: 'an ICMPv6 echo reply',
    packet: frame(V6, 58, icmp(129)),
    expect: { ...IN_V6, protocol: Protocol.ICMPV6, icmpType: 129, reply: 2 },
  },
  {
    name: 'an ICMPv6 neighbour solicitation',
    packet: frame(V6, 58, icmp(135)),
    expect: { ...IN_V6, icmpType: 135, reply: 1 },
  },
  {
    name: 'another protocol by its number',
    packet: frame(V4, 112, Buffer.alloc(20)),
    expect: { ...IN_V4, ...NO_PORTS, protocol: Protocol.VRRP },
  },
  { name: 'IPv4 options', packet: ip4({ protocol: 6, optionBytes: 40 }, tcp({})), expect: { ...IN_V4, ...TCP } },
  {
    name: 'the first fragment of IPv4 with its ports',
    packet: ip4({ protocol: 17, moreFragments: true }, udp({})),
    expect: { ...IN_V4, ...UDP },
  },
  {
    name: 'a later fragment of IPv4 without ports',
    packet: ip4({ protocol: 17, fragmentOffset: 1 }, udp({})),
    expect: { ...IN_V4, ...NO_PORTS, protocol: Protocol.UDP },
  },
  {
    name: 'padding behind a short packet',
    packet: Buffer.concat([frame(V4, 17, udp({})), Buffer.alloc(18)]),
    padding: 18,
    expect: { ...IN_V4, ...UDP },
  },
  { name: 'a VLAN tag', packet: frame(V4, 6, tcp({}), [{ id: 100 }]), expect: { ...IN_V4, ...TCP, vlan: 100 } },
  {
    name: 'the outer VLAN id of QinQ',
    packet: frame(V6, 17, udp({}), [{ type: EtherType.QINQ, id: 4094 }, { id: 7 }]),
    expect: { ...IN_V6, ...UDP, vlan: 4094 },
  },
  {
    name: 'hop-by-hop options',
    packet: ip6(HOP_BY_HOP, extension(HOP_BY_HOP, 6, tcp({}), 2)),
    expect: { ...IN_V6, ...TCP },
  },
  { name: 'a routing header', packet: ip6(ROUTING, extension(ROUTING, 17, udp({}), 1)), expect: { ...IN_V6, ...UDP } },
  {
    name: 'an authentication header, whose length counts in 4 bytes',
    packet: ip6(AUTHENTICATION, extension(AUTHENTICATION, 6, tcp({}), 4)),
    expect: { ...IN_V6, ...TCP },
  },
  {
    name: 'the first fragment of IPv6 with its ports',
    packet: ip6(FRAGMENT, fragment(17, 0, udp({}))),
    expect: { ...IN_V6, ...UDP },
  },
  {
    name: 'a later fragment of IPv6 without ports',
    packet: ip6(FRAGMENT, fragment(17, 1, udp({}))),
    expect: { ...IN_V6, ...NO_PORTS, protocol: Protocol.UDP },
  },
  { name: 'eight extension headers', packet: ip6(DESTINATION, chain(8, tcp({}))), expect: { ...IN_V6, ...TCP } },
  { name: 'no next header', packet: ip6(59, Buffer.alloc(0)), expect: { ...IN_V6, ...NO_PORTS, protocol: 59 } },
]

const broken: { name: string; packet: Buffer; protocol: number }[] = [
  { name: 'an IPv4 header length below 20', packet: ip4({ protocol: 6, headerLength: 4 }, tcp({})), protocol: 6 },
  {
    name: 'an IPv4 total length below the header',
    packet: ip4({ protocol: 6, totalLength: 19 }, tcp({})),
    protocol: 6,
  },
  {
    name: 'an IPv4 total length beyond the frame',
    packet: ip4({ protocol: 17, totalLength: 1000 }, udp({})),
    protocol: 17,
  },
  { name: 'a TCP data offset below 20', packet: frame(V4, 6, tcp({ dataOffset: 4 })), protocol: 6 },
  { name: 'a TCP data offset beyond the packet', packet: frame(V4, 6, tcp({ dataOffset: 15 })), protocol: 6 },
  { name: 'a transport header in the padding', packet: ip4({ protocol: 6, totalLength: 30 }, tcp({})), protocol: 6 },
  {
    name: 'an extension header beyond the packet',
    packet: ip6(DESTINATION, extension(DESTINATION, 6, Buffer.alloc(0), 9).subarray(0, 16)),
    protocol: 6,
  },
  { name: 'nine extension headers', packet: ip6(DESTINATION, chain(9, tcp({}))), protocol: DESTINATION },
]

const parser = suite('packet parser')
let programs: PacketPrograms

parser.before.each(() => {
  programs = new PacketPrograms()
})
parser.after.each(() => programs.close())

for (const { name, packet, expect } of whole)
  parser(`reads ${name}`, () => {
    assert.is(programs.send('endpoint_ingress', packet), -1, 'the next program decides')
    const [record] = programs.records()
    assert.equal(pick(record, expect), expect)
    assert.is(record?.bytes, packet.length)
    assert.is(record?.packets, 1)
    assert.is(programs.counter(Counter.MALFORMED), 0)
    assertExact()
  })

for (const { name, packet, protocol } of broken)
  parser(`counts ${name} as a flow between addresses`, () => {
    programs.fromPod(packet)
    const [record] = programs.records()
    assert.equal(pick(record, { ...NO_PORTS, protocol, tcpFlags: 0 }), { ...NO_PORTS, protocol, tcpFlags: 0 })
    assert.is(programs.counter(Counter.MALFORMED), 1)
    assertExact()
  })

for (const { name, packet, padding = 0 } of whole)
  parser(`reads ${name} cut at any byte as a flow between addresses, or as nothing`, () => {
    const tagged = behindTag(packet)
    const cuts = tagged.length - padding - ETHERNET_BYTES
    for (let i = 0; i < cuts; i++)
      assert.is(programs.send('network_ingress', tagged.subarray(0, ETHERNET_BYTES + i)), -1)
    const records = programs.records()
    assert.ok(records.every((record) => record.sourcePort === 0 && record.tcpFlags === 0))
    assert.is(programs.counter(Counter.MALFORMED), cuts)
    assertExact()
  })

parser('counts frames that are not IP', () => {
  programs.fromPod(ethernet(EtherType.ARP, Buffer.alloc(28)))
  programs.fromPod(ethernet(100, Buffer.alloc(100)))
  assert.equal(programs.records(), [])
  assert.is(programs.counter(Counter.NOT_IP), 2)
})

parser('takes a wrong IP version for no flow', () => {
  programs.fromPod(ip4({ protocol: 6, version: 5 }, tcp({})))
  assert.equal(programs.records(), [])
  assert.is(programs.counter(Counter.MALFORMED), 1)
})

parser('is not fooled by a MAC address that begins like an IP header', () => {
  const packet = ethernet(EtherType.IPV4, ipv4({ ...V4, protocol: 6 }, tcp({})), {
    destinationMac: [0x45, 0, 0, 40, 0, 0],
  })
  programs.fromPod(packet)
  assert.equal(pick(programs.records()[0], { ...IN_V4, ...TCP }), { ...IN_V4, ...TCP })
})

parser('counts the frames of a segmented packet with their headers', () => {
  const packet = frame(V4, 6, tcp({}, Buffer.alloc(3000)))
  programs.fromPod(packet, { gsoSize: 1000, gsoSegs: 3 })
  const [record] = programs.records()
  assert.is(record?.packets, 3)
  assert.is(record?.bytes, packet.length + 2 * 54)
  assertExact()
})

parser('computes the frames of a segmented packet that does not tell them', () => {
  const packet = frame(V4, 6, tcp({}, Buffer.alloc(3001)))
  programs.fromPod(packet, { gsoSize: 1000 })
  assert.is(programs.records()[0]?.packets, 4)
  assertExact()
})

parser.run()

function assertExact(): void {
  const { reported, seen } = programs.settle()
  assert.equal(reported, seen)
}

/** BPF_PROG_TEST_RUN itself refuses frames whose type is IP and whose IP header is cut; behind a tag it does not look. */
function behindTag(packet: Buffer): Buffer {
  if (packet[12] !== 0x08 && packet[12] !== 0x86) return packet
  return Buffer.concat([packet.subarray(0, 12), Buffer.from([0x81, 0, 0, 5]), packet.subarray(12)])
}

function chain(length: number, transport: Buffer): Buffer {
  let payload = extension(DESTINATION, 6, transport)
  for (let i = 1; i < length; i++) payload = extension(DESTINATION, DESTINATION, payload)
  return payload
}

/** Those fields of `record` that `expect` names. */
function pick(record: RecordFields | undefined, expect: Partial<RecordFields>): Partial<RecordFields> {
  return Object.fromEntries(Object.keys(expect).map((key) => [key, record?.[key as keyof RecordFields]]))
}
