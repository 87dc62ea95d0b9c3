import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { advertisedAddress } from '../../../src/exporters/hubble/advertise.ts'
import { FlowRate } from '../../../src/exporters/hubble/flow-rate.ts'
import { SeenNamespaces } from '../../../src/exporters/hubble/namespaces.ts'
import { EndpointTable, endpoint } from '../../../src/flow/endpoint.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { hubbleSettings } from '../../support/hubble.ts'

const test = suite('what a node tells of itself')

const hosts = () => ['192.0.2.1', '2001:db8::1']
const addresses: { bound: string; settings?: object; address: string }[] = [
  { bound: 'localhost:4245', address: 'localhost:4245' },
  { bound: '0.0.0.0:4244', address: '192.0.2.1:4244' },
  { bound: ':4244', address: '192.0.2.1:4244' },
  { bound: '[2001:db8::7]:4244', address: '[2001:db8::7]:4244' },
  { bound: ':4244', settings: { advertise_address: 'node:1' }, address: 'node:1' },
  { bound: '', settings: { unix_socket: { path: '/run/h.sock' } }, address: 'unix:///run/h.sock' },
]
for (const { bound, settings, address } of addresses) {
  test(`bound to ${JSON.stringify(bound)} it is reached at ${address}`, () => {
    assert.is(advertisedAddress(hubbleSettings(settings), bound, undefined, hosts), address)
  })
}

test('the rate is over the last minute, or over the time since the start', () => {
  let now = 1_000_000
  const rate = new FlowRate(() => now)
  rate.add(100)
  assert.is(rate.perSecond(), 100)
  now += 10_000
  rate.add(100)
  assert.is(rate.perSecond(), 20)
  now += 55_000
  assert.is(rate.perSecond(), 100 / 60)
  now += 600_000
  assert.is(rate.perSecond(), 0)
})

test('namespaces are those of the last hour, sorted', () => {
  let now = 0
  const table = new EndpointTable()
  const seen = new SeenNamespaces(table, () => now)
  const row = (namespace: string, clusterName = '') => ({
    sourceEndpoint: table.add(endpoint({ namespace, clusterName })),
  })
  now = 3_600_000
  seen.add(flowBatch([row('old'), row('stays')]))
  now += 3_000_000
  seen.add(flowBatch([row('b'), row('a'), row('a', 'east'), {}]))
  seen.add(flowBatch([{ destinationEndpoint: 4 }]))
  now += 3_000_000
  const names = seen.list().map(({ cluster, namespace }) => `${cluster}/${namespace}`)
  assert.equal(names, ['/a', '/b', '/stays', 'east/a'])
})

test('namespaces of endpoints that are gone are no more than ten thousand, the latest ones', () => {
  const table = new EndpointTable()
  const seen = new SeenNamespaces(table, () => 7_200_000)
  const batch = flowBatch([TCP_SYN])
  for (let i = 0; i < 10_010; i++) {
    batch.columns.sourceEndpoint[0] = table.add(endpoint({ namespace: `n${i}` }))
    batch.columns.timeSeconds[0] = 7_000
    seen.recall(batch)
  }
  const names = new Set(seen.list().map(({ namespace }) => namespace))
  assert.is(names.size, 10_000)
  assert.ok(names.has('n10') && names.has('n10009'))
  seen.close()
})

test.run()
