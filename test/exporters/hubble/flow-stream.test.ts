import { EventEmitter } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flowQuery } from '../../../src/exporters/hubble/flow-query.ts'
import { FlowReader } from '../../../src/exporters/hubble/flow-reader.ts'
import { FlowRing } from '../../../src/exporters/hubble/flow-ring.ts'
import { FlowStream, type FlowsCall } from '../../../src/exporters/hubble/flow-stream.ts'
import { Ends } from '../../../src/flow/ends.ts'
import { HubbleEncoder } from '../../../src/flow/hubble-encode.ts'
import { numberedBatch } from '../../support/flow-source.ts'

const test = suite('flow stream')

/** A call whose client takes everything; counts what it got. */
class EagerCall extends EventEmitter {
  answers = 0
  write(): boolean {
    this.answers++
    return true
  }
  end(): void {}
}

function follow(): { ring: FlowRing; call: EagerCall; done: Promise<void> } {
  const ring = new FlowRing({ maxFlows: 1_000, maxBytes: 1 << 20 })
  const call = new EagerCall()
  const reader = new FlowReader(ring, flowQuery({ follow: true }, { ends: new Ends(), nodeName: 'node-1' }))
  const stream = new FlowStream(call as unknown as FlowsCall, reader, {
    ring,
    encoder: new HubbleEncoder({
      nodeName: 'node-1',
      emitter: { name: '', version: '' },
      ends: new Ends(),
      uuidPrefix: '',
    }),
    encodeLost: () => new Uint8Array(),
    lossIntervalMs: 1_000,
    sent: () => {},
    lost: () => {},
  })
  return { ring, call, done: stream.run() }
}

/** Steps of a promise chain between two events: more than the stream takes from one sleep to the next. */
const STEPS = 40

test('a batch that comes while the stream is about to wait is sent without another one', async () => {
  for (let steps = 0; steps < STEPS; steps++) {
    const { ring, call, done } = follow()
    await setImmediate()
    ring.push(numberedBatch(0, 1))
    for (let i = 0; i < steps; i++) await null
    ring.push(numberedBatch(1, 1))
    await setImmediate()
    assert.is(call.answers, 2, `second batch after ${steps} steps`)
    call.emit('cancelled')
    await done
  }
})

test('a client that leaves while the stream is about to wait ends it', async () => {
  for (let steps = 0; steps < STEPS; steps++) {
    const { ring, call, done } = follow()
    await setImmediate()
    ring.push(numberedBatch(0, 1))
    for (let i = 0; i < steps; i++) await null
    call.emit('cancelled')
    const ended = await Promise.race([done.then(() => true), setImmediate(false)])
    assert.ok(ended, `left after ${steps} steps`)
  }
})

test.run()
