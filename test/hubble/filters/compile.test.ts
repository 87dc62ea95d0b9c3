import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable, endpoint } from '../../../src/flow/endpoint.ts'
import { Ends } from '../../../src/flow/ends.ts'
import { uuidPrefix } from '../../../src/flow/hubble-uuid.ts'
import { LocalAddresses } from '../../../src/flow/local-addresses.ts'
import { compileFilters } from '../../../src/hubble/filters/compile.ts'
import type { FlowFilter } from '../../../src/hubble/filters/flow-filter.ts'
import { uuidText } from '../../support/flow-uuid.ts'
import { SAMPLE, sampleBatch } from '../../support/hubble-flows.ts'

/** Rules that the CLI's flags do not reach; those they do are in test/peers/hubble-cli.test.ts. */
const test = suite('flow filters')

const table = new EndpointTable()
const batch = sampleBatch(table)
const ends = new Ends(table, new LocalAddresses(() => []))
const PREFIX = uuidPrefix('0f8fad5b-d9cb-469f-a165-70867728950e')
const context = { ends, nodeName: 'node-1', uuidPrefix: PREFIX }
const service = table.add(endpoint({ service: { name: 'cart', namespace: 'shop' }, clusterName: 'east' }))
batch.columns.destinationEndpoint[8] = service

function matches(allow: FlowFilter[], deny: FlowFilter[] = []): number[] {
  const out = new Uint8Array(batch.length).fill(7)
  compileFilters(allow, deny, context)(batch, 0, batch.length, out, 5)
  return [...out.keys()].filter((row) => out[row] === 1)
}

const ALL = [...SAMPLE.keys()]
const cases: { name: string; allow: FlowFilter[]; deny?: FlowFilter[]; rows: number[] }[] = [
  { name: 'no filter lets all pass', allow: [], rows: ALL },
  { name: 'an empty filter matches all', allow: [{}], rows: ALL },
  { name: 'an empty filter in the blacklist hides all', allow: [], deny: [{}], rows: [] },
  { name: 'empty lists take no part', allow: [{ source_pod: [], verdict: [2] }], rows: [2, 9] },
  { name: 'filters of a list are alternatives', allow: [{ verdict: [2] }, { protocol: ['sctp'] }], rows: [2, 8, 9] },
  {
    name: 'the blacklist takes from the whitelist',
    allow: [{ verdict: [2] }],
    deny: [{ destination_port: ['22'] }],
    rows: [2],
  },
  { name: 'a pod without slash is in the namespace default', allow: [{ source_pod: ['coredns'] }], rows: [] },
  { name: '/name is in any namespace', allow: [{ source_pod: ['/coredns'] }], rows: [5] },
  { name: 'a lone slash is any pod', allow: [{ destination_pod: ['/'] }], rows: [0, 1, 2, 4, 5, 10] },
  { name: 'a service by name', allow: [{ destination_service: ['shop/ca'] }], rows: [8] },
  { name: 'a cluster by exact name', allow: [{ destination_cluster_name: ['east'] }], rows: [8] },
  { name: 'IPv4 flows are in no IPv6 prefix', allow: [{ source_ip: ['::/0'] }], rows: [6] },
  { name: 'bits behind a prefix do not matter', allow: [{ destination_ip: ['8.8.9.9/14'] }], rows: [3] },
  {
    name: 'a reply that is not known is a request when dropped',
    allow: [{ reply: [false] }],
    rows: [0, 2, 3, 4, 6, 7, 8, 9, 10],
  },
  {
    name: 'one entry of TCP flags is enough',
    allow: [{ tcp_flags: [{ RST: true }, { SYN: true, ACK: true }] }],
    rows: [1],
  },
  { name: 'empty TCP flags match TCP', allow: [{ tcp_flags: [{}] }], rows: [0, 1, 2, 3, 9, 10] },
  { name: 'event type 0 is every type', allow: [{ event_type: [{ match_sub_type: true, sub_type: 178 }] }], rows: [9] },
  {
    name: 'sub type 0 counts where it is asked for',
    allow: [{ event_type: [{ type: 4, match_sub_type: true }] }],
    rows: [0],
  },
  { name: 'a drop reason counts for drops alone', allow: [{ drop_reason_desc: [0] }], rows: [] },
  { name: 'IP version 0 is no IP', allow: [{ ip_version: [0] }], rows: [] },
  { name: 'an interface by index and name', allow: [{ interface: [{ index: 7, name: 'veth7' }] }], rows: [0] },
  { name: 'an interface by a wrong name', allow: [{ interface: [{ index: 7, name: 'veth8' }] }], rows: [] },
  { name: 'a name in upper case with a final dot', allow: [{ destination_fqdn: [' DNS.Google. '] }], rows: [3] },
  { name: 'a name is matched whole', allow: [{ destination_fqdn: ['dns'] }], rows: [] },
  { name: 'an empty workload is any', allow: [{ destination_workload: [{}] }], rows: [0, 2, 4, 10] },
  { name: 'a UUID of the batch', allow: [{ uuid: [uuidText(PREFIX, 5, 3), uuidText(PREFIX, 6, 4)] }], rows: [3] },
  { name: 'nothing is encrypted', allow: [{ encrypted: [true] }], rows: [] },
  { name: 'a node in the cluster default', allow: [{ node_name: ['default/node-*'] }], rows: ALL },
  { name: 'a node of another cluster', allow: [{ node_name: ['east/'] }], rows: [] },
  {
    name: 'labels that must be missing',
    allow: [{ source_label: ['!app,!reserved:world,!reserved:host'] }],
    rows: [5],
  },
  {
    name: 'labels unequal, also where they are missing',
    allow: [{ source_label: ['app!=xwing'] }],
    rows: [1, 5, 6, 7, 8, 9],
  },
  {
    name: 'labels of no value in a list',
    allow: [{ source_label: ['k8s:app notin (xwing, deathstar)'] }],
    rows: [5, 6, 7, 8, 9],
  },
]
for (const { name, allow, deny, rows } of cases) test(name, () => assert.equal(matches(allow, deny), rows))

const mistakes: { filter: object; message: string }[] = [
  {
    filter: { source_ip: ['1.2.3'] },
    message: 'invalid IP address "1.2.3" in filter: ParseAddr("1.2.3"): IPv4 address too short',
  },
  {
    filter: { source_ip: ['10.0.0.0/33'] },
    message: 'invalid IP prefix "10.0.0.0/33" in filter: netip.ParsePrefix("10.0.0.0/33"): prefix length out of range',
  },
  {
    filter: { destination_port: ['65536'] },
    message:
      'invalid destination port filter: invalid port "65536": strconv.ParseUint: parsing "65536": value out of range',
  },
  {
    filter: { source_service: [''] },
    message: 'invalid source service filter: invalid filter, name must not be empty',
  },
  { filter: { source_fqdn: [''] }, message: 'empty pattern' },
  { filter: { source_fqdn: ['a..'] }, message: 'multiple trailing dots in pattern' },
  { filter: { node_name: ['a/b/c'] }, message: 'too many slashes in pattern' },
]
for (const { filter, message } of mistakes) {
  test(`${JSON.stringify(filter)} is refused`, () => {
    assert.throws(
      () => compileFilters([filter as FlowFilter], [], context),
      (error: Error) => error.message === message,
    )
  })
}

test('a UUID cannot be asked for where flows have none', () => {
  const without = { ends, nodeName: 'node-1' }
  assert.throws(() => compileFilters([{ uuid: ['x'] }], [], without), /uuid is not supported here/)
})

test('any part of a batch is decided like the whole', () => {
  const filter = compileFilters([{ verdict: [1] }], [{ protocol: ['dns'] }], context)
  const whole = new Uint8Array(batch.length)
  filter(batch, 0, batch.length, whole)
  fc.assert(
    fc.property(fc.nat(batch.length), fc.nat(batch.length), (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      const out = new Uint8Array(batch.length).fill(9)
      filter(batch, from, to, out)
      assert.equal(out.slice(from, to), whole.slice(from, to))
      assert.ok([...out.slice(0, from), ...out.slice(to)].every((value) => value === 9))
    }),
  )
})

test.run()
