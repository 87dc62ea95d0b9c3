import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { messageType } from '../../../src/hubble/definition.ts'
import { decodeLostEvents, decodeNodeStatus } from '../../../src/receivers/hubble/node-messages.ts'
import { encodeResponse } from '../../support/flow-messages.ts'

const test = suite('what observers say of nodes')

test('what is empty is not on the wire, and is read as empty', () => {
  assert.equal(decodeNodeStatus(new Uint8Array(0)), { state_change: 0, node_names: [], message: '' })
  assert.equal(decodeLostEvents(encodeResponse({ lost_events: {} })), { source: 0, count: 0 })
})

test('names that are too long to be those of nodes are left out', () => {
  const [short, long] = ['x'.repeat(512), 'x'.repeat(513)]
  const status = messageType('relay.NodeStatusEvent').serialize({ state_change: 2, node_names: [short, long] })
  assert.equal(decodeNodeStatus(status).node_names, [short])
  const lost = (node_name: string) => decodeLostEvents(encodeResponse({ lost_events: { source: 1 }, node_name }))
  assert.is(lost(short).nodeName, short)
  assert.is(lost(long).nodeName, undefined)
})

test.run()
