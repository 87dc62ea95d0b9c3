import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DROP_REASONS, dropReasonEnumName } from '../../src/flow/drop-reason-names.ts'
import { Kind, L7Type, Protocol, TcpFlag } from '../../src/flow/enums.ts'
import { icmpName } from '../../src/flow/icmp-names.ts'
import { summary } from '../../src/flow/summary.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../support/flows.ts'

const test = suite('summary')

const dns = { ...TCP_SYN, protocol: Protocol.UDP, kind: Kind.DNS, tcpFlags: 0 }
const QUERY = { type: L7Type.REQUEST, query: 'www.example.org.', types: [1] }
const ANSWER = { ...QUERY, type: L7Type.RESPONSE, ttlSeconds: 30 }
const EVENT = { ...TCP_SYN, tcpFlags: 0 }

const cases: { name: string; row: FlowRow; text: string }[] = [
  {
    name: 'TCP flags come in order of Hubble',
    row: { ...TCP_SYN, tcpFlags: 0x1ff },
    text: 'TCP Flags: SYN, ACK, RST, FIN, PSH, URG, ECE, CWR, NS',
  },
  { name: 'a packet without flags keeps the prefix', row: { ...TCP_SYN, tcpFlags: 0 }, text: 'TCP Flags: ' },
  { name: 'UDP', row: { ...TCP_SYN, protocol: Protocol.UDP }, text: 'UDP' },
  { name: 'SCTP', row: { ...TCP_SYN, protocol: Protocol.SCTP }, text: 'SCTP' },
  {
    name: 'ICMP',
    row: { ...TCP_SYN, protocol: Protocol.ICMP, icmpType: 3, icmpCode: 3 },
    text: 'ICMPv4 DestinationUnreachable(Port)',
  },
  {
    name: 'ICMPv6',
    row: { ...TCP_SYN, protocol: Protocol.ICMPV6, icmpType: 135 },
    text: 'ICMPv6 NeighborSolicitation',
  },
  { name: 'another protocol over IPv4', row: { ...TCP_SYN, protocol: 47 }, text: 'IPv4' },
  {
    name: 'another protocol over IPv6',
    row: { ...TCP_SYN, source: '::1', destination: '::2', protocol: 47 },
    text: 'IPv6',
  },
  { name: 'no IP', row: { protocol: 0 }, text: 'Ethernet' },
  {
    name: 'a netfilter drop has the name Retina gives it',
    row: {
      ...TCP_SYN,
      kind: Kind.DROP,
      dropReason: 133,
      dropReasonName: 'NETFILTER_DROP',
      dropLocation: 'nf_hook_slow+0x93',
    },
    text: 'TCP Flags: SYN; Drop Reason: IPTABLE_RULE_DROP at nf_hook_slow+0x93',
  },
  {
    name: 'another drop has the name of the kernel',
    row: { ...TCP_SYN, kind: Kind.DROP, dropReasonName: 'NO_SOCKET', dropLocation: 'tcp_v4_rcv+0x9' },
    text: 'TCP Flags: SYN; Drop Reason: NO_SOCKET at tcp_v4_rcv+0x9',
  },
  {
    name: 'a netfilter drop on a kernel without reasons',
    row: { ...TCP_SYN, kind: Kind.DROP, dropReason: 133 },
    text: 'TCP Flags: SYN; Drop Reason: IPTABLE_RULE_DROP',
  },
  {
    name: 'a drop with only the number of Hubble',
    row: { ...TCP_SYN, kind: Kind.DROP, dropReason: 151 },
    text: 'TCP Flags: SYN; Drop Reason: STALE_OR_UNROUTABLE_IP',
  },
  {
    name: 'a retransmit',
    row: { ...TCP_SYN, kind: Kind.TCP_RETRANSMIT, tcpFlags: TcpFlag.PSH | TcpFlag.ACK },
    text: 'TCP Retransmit; TCP Flags: ACK, PSH',
  },
  { name: 'a reset sent', row: { ...EVENT, kind: Kind.TCP_RESET, detail: 1 }, text: 'TCP Reset sent' },
  { name: 'a reset received', row: { ...EVENT, kind: Kind.TCP_RESET, detail: 2 }, text: 'TCP Reset received' },
  {
    name: 'a connect',
    row: { ...EVENT, kind: Kind.TCP_CONNECT, detail: 1_234, rttUs: 45 },
    text: 'TCP Connect 1.2ms; RTT 0.045ms',
  },
  {
    name: 'a close',
    row: { ...EVENT, kind: Kind.TCP_CLOSE, detail: 3, rttUs: 20_000 },
    text: 'TCP Close; Retransmits 3; RTT 20ms',
  },
  {
    name: 'a change of state',
    row: { ...EVENT, kind: Kind.TCP_STATE, detail: (1 << 8) | 4 },
    text: 'TCP State ESTABLISHED -> FIN_WAIT1',
  },
  { name: 'a DNS query', row: { ...dns, l7: QUERY }, text: 'DNS Query www.example.org. A' },
  {
    name: 'a DNS query of several types',
    row: { ...dns, l7: { ...QUERY, types: [1, 28, 9999] } },
    text: 'DNS Query www.example.org. A,AAAA,TYPE9999',
  },
  {
    name: 'a DNS answer',
    row: { ...dns, l7: { ...ANSWER, addresses: ['1.2.3.4', 'fd00::1'], names: ['a.', 'b.'] } },
    text: 'DNS Answer "1.2.3.4,fd00::1" CNAMEs: "a.,b." TTL: 30 (Query www.example.org. A)',
  },
  {
    name: 'an empty DNS answer keeps both spaces',
    row: { ...dns, l7: ANSWER },
    text: 'DNS Answer  TTL: 30 (Query www.example.org. A)',
  },
  {
    name: 'a DNS error',
    row: { ...dns, l7: { ...ANSWER, rcode: 3, ttlSeconds: 0 } },
    text: 'DNS Answer RCode: Non-Existent Domain TTL: 0 (Query www.example.org. A)',
  },
]
for (const { name, row, text } of cases) test(name, () => assert.is(summary(flowBatch([TCP_SYN, row]), 1), text))

test('ICMP names are those of Hubble for every type and the first 40 codes', () => {
  const url = new URL('./fixtures/icmp-names.json', import.meta.url)
  const fixture = JSON.parse(readFileSync(url, 'utf8')) as Record<'v4' | 'v6', Record<string, string[]>>
  for (const version of [4, 6] as const) {
    for (let type = 0; type < 256; type++) {
      const known = fixture[`v${version}`][type]
      for (let code = 0; code < 40; code++) {
        const rest = known ? `${known[0]!.split('(')[0]}(Code: ${code})` : `${type}(${code})`
        assert.is(icmpName(version, type, code), known?.[code] ?? rest)
      }
    }
  }
})

test('drop reasons have a name for each number and a number for each name', () => {
  for (const [name, number] of Object.entries(DROP_REASONS)) assert.is(dropReasonEnumName(number), name)
  assert.is(dropReasonEnumName(159), undefined)
  assert.is(DROP_REASONS.POLICY_DENIED, 133)
  assert.is(DROP_REASONS.DROP_PUNT_PROXY, 205)
})

test.run()
