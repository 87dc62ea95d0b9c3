import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fullNodeName, tlsServerName } from '../../src/hubble/node-name.ts'

const test = suite('names of nodes')

test('the cluster stands before the node, but for the default one', () => {
  assert.is(fullNodeName('node', 'east'), 'east/node')
  assert.is(fullNodeName('node', 'default'), 'node')
  assert.is(fullNodeName('node', ''), 'node')
  assert.is(fullNodeName('west/node', 'east'), 'west/node')
})

test('the name of the certificate has no dots of the names', () => {
  assert.is(tlsServerName('node.a.example', 'my.cluster'), 'node-a-example.my-cluster.hubble-grpc.cilium.io')
  assert.is(tlsServerName('east/node', ''), 'node.default.hubble-grpc.cilium.io')
})

test.run()
