import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parsePairs, parseSnmp6, parseSockstat } from '../../../src/receivers/node_stats/proc-net.ts'

const files = suite('files of /proc/net')

files('snmp and netstat: values stand below their names', () => {
  assert.equal(parsePairs('Tcp: MaxConn InSegs\nTcp: -1 7\nUdp: InErrors\nUdp: 3\n'), [
    { protocol: 'Tcp', name: 'MaxConn', value: -1 },
    { protocol: 'Tcp', name: 'InSegs', value: 7 },
    { protocol: 'Udp', name: 'InErrors', value: 3 },
  ])
})

files('what is written in pairs is read again', () => {
  const name = fc.stringMatching(/^[A-Z][A-Za-z0-9]{0,12}$/)
  const values = fc.dictionary(name, fc.nat(), { minKeys: 1 })
  fc.assert(
    fc.property(fc.array(fc.tuple(name, values), { maxLength: 5 }), (protocols) => {
      const text = protocols
        .map(([p, v]) => `${p}: ${Object.keys(v).join(' ')}\n${p}: ${Object.values(v).join(' ')}\n`)
        .join('')
      const expected = protocols.flatMap(([protocol, v]) =>
        Object.entries(v).map(([of, value]) => ({ protocol, name: of, value })),
      )
      assert.equal(parsePairs(text), expected)
    }),
  )
})

for (const [name, text, message] of [
  ['a line of values that is missing', 'Tcp: InSegs\n', 'line 2: expected the values of Tcp:'],
  ['values of another protocol', 'Tcp: InSegs\nUdp: 1\n', 'line 2: expected the values of Tcp:'],
  ['one value too few', 'Tcp: A B\nTcp: 1\n', 'line 2: expected the values of Tcp:'],
  ['a value that is no number', 'Tcp: A\nTcp: x\n', 'line 2: Tcp A has no number'],
] as const)
  files(`${name} is an error with its line`, () => assert.throws(() => parsePairs(text), message))

files('snmp6: the protocol is the beginning of the name, the longest that fits', () => {
  assert.equal(parseSnmp6('Ip6InReceives      14\nIcmp6InType133\t2\nUdpLite6InErrors 1\nUdp6NoPorts 4\n'), [
    { protocol: 'Ip6', name: 'InReceives', value: 14 },
    { protocol: 'Icmp6', name: 'InType133', value: 2 },
    { protocol: 'UdpLite6', name: 'InErrors', value: 1 },
    { protocol: 'Udp6', name: 'NoPorts', value: 4 },
  ])
  assert.throws(() => parseSnmp6('Ip6InReceives 1\nIp6InDiscards\n'), 'line 2: Ip6 InDiscards has no number')
})

files('sockstat: names and values in turn', () => {
  assert.equal(parseSockstat('sockets: used 17\nTCP: inuse 1 orphan 0\n'), [
    { protocol: 'sockets', name: 'used', value: 17 },
    { protocol: 'TCP', name: 'inuse', value: 1 },
    { protocol: 'TCP', name: 'orphan', value: 0 },
  ])
  assert.throws(() => parseSockstat('TCP: inuse\n'), 'line 1: TCP inuse has no number')
})

files.run()
