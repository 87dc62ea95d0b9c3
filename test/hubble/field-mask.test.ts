import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { ForeignBuilder } from '../../src/flow/foreign.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import { uuidPrefix } from '../../src/flow/hubble-uuid.ts'
import { LocalAddresses } from '../../src/flow/local-addresses.ts'
import { messageFields, messageType } from '../../src/hubble/definition.ts'
import { CLI_PATHS, FieldMaskError, flowMask } from '../../src/hubble/field-mask.ts'
import { sampleBatch } from '../support/hubble-flows.ts'

const masks = suite('field masks')

const table = new EndpointTable()
table.cluster.nodeLabels = ['kubernetes.io/os=linux', 'zone=a']
const encoder = new HubbleEncoder({
  nodeName: 'node-1',
  emitter: { name: 'Fovea', version: '1.2.3' },
  ends: new Ends(table, new LocalAddresses(() => ['127.0.0.1'])),
  uuidPrefix: uuidPrefix('0f8fad5b-d9cb-469f-a165-70867728950e'),
})
const own = sampleBatch(table)
const foreign = asForeign(own)
const { deserialize } = messageType('observer.GetFlowsResponse')

type Message = Record<string, unknown>

/** The same flows, as if they came from another observer. */
function asForeign(batch: FlowBatch): FlowBatch {
  const builder = new ForeignBuilder(batch.length)
  for (let row = 0; row < batch.length; row++) builder.add(encoder.flow(batch, row, 3))
  const copy = batch.copy()
  copy.foreign = builder.take()
  return copy
}

function decode(
  batch: FlowBatch,
  row: number,
  paths: readonly string[],
): { flow: Message; node_name: string; time: object } {
  return deserialize(Buffer.from(encoder.response(batch, row, 3, flowMask(paths)))) as never
}

/** Every path there is, down to the leaves. */
function allPaths(type = 'flow.Flow'): string[] {
  return messageFields(type).flatMap((field) => {
    if (field.type !== 'TYPE_MESSAGE' || field.repeated) return [field.name]
    return [field.name, ...allPaths(messageOf(field.typeName)).map((path) => `${field.name}.${path}`)]
  })
}

function messageOf(typeName: string): string {
  return typeName.startsWith('google.') ? typeName : `flow.${typeName}`
}

/** What paths leave of a decoded message. */
function reduce(type: string, message: Message, paths: readonly string[]): Message {
  const left = messageType(type).deserialize(Buffer.alloc(0)) as Message
  for (const { name, typeName } of messageFields(type)) {
    const below = paths
      .filter((path) => path === name || path.startsWith(`${name}.`))
      .map((path) => path.slice(name.length + 1))
    if (below.length === 0 || !(name in message)) continue
    left[name] = below.includes('') ? message[name] : reduce(messageOf(typeName), message[name] as Message, below)
    // The name of the oneof it is in tells which member is set.
    for (const [oneof, member] of Object.entries(message))
      if (member === name && !isField(type, oneof)) left[oneof] = name
  }
  return left
}

function isField(type: string, name: string): boolean {
  return messageFields(type).some((field) => field.name === name)
}

const PATHS = allPaths()

for (const [whose, batch] of [
  ['this node', own],
  ['another observer', foreign],
] as const)
  masks(`flows of ${whose} are left with what the mask names`, () => {
    const whole = Array.from({ length: batch.length }, (_, row) => decode(batch, row, []))
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 30 }), (paths) => {
        for (let row = 0; row < batch.length; row++) {
          const masked = decode(batch, row, paths)
          assert.equal(masked.flow, reduce('flow.Flow', whole[row]!.flow, paths))
          assert.equal([masked.time, masked.node_name], [whole[row]!.time, 'node-1'])
        }
      }),
    )
  })

masks('a flow that is masked is shorter than it was, also with the mask of the hubble CLI', () => {
  const mask = flowMask(CLI_PATHS)
  for (let row = 0; row < own.length; row++) {
    const whole = encoder.response(own, row, 3).length
    assert.ok(encoder.response(own, row, 3, mask).length < whole)
    assert.equal(encoder.response(own, row, 3, mask), encoder.response(foreign, row, 3, mask))
  }
})

masks("the CLI's default mask, in any order, leaves what the CLI prints; no other mask is widened", () => {
  const names = (paths: readonly string[]) =>
    (decode(own, 3, paths).flow as { destination_names: string[] }).destination_names
  assert.equal(names(CLI_PATHS.toReversed()), ['dns.google'])
  assert.equal(names(CLI_PATHS.slice(1)), [])
  assert.equal(names([...CLI_PATHS, 'uuid']), [])
})

masks('no paths are the whole flow', () => {
  assert.is(flowMask([]), undefined)
})

masks('an endpoint that is changed is masked anew', () => {
  const changing = new EndpointTable()
  const batch = sampleBatch(changing)
  const encoding = new HubbleEncoder({
    nodeName: '',
    emitter: { name: '', version: '' },
    ends: new Ends(changing, new LocalAddresses(() => [])),
    uuidPrefix: '',
  })
  const mask = flowMask(['source.pod_name'])
  const pod = () =>
    (deserialize(Buffer.from(encoding.response(batch, 0, 1, mask))) as { flow: Message }).flow.source as Message
  assert.is(pod().pod_name, 'xwing-0')
  batch.columns.sourceEndpoint[0] = batch.columns.sourceEndpoint[1]!
  assert.is(pod().pod_name, 'deathstar-abc')
})

for (const path of [
  '',
  'nothing',
  'source.nothing',
  'verdict.x',
  'source.labels.x',
  'source..identity',
  'l4.TCP.flags.SYN.x',
  'Source',
])
  masks(`"${path}" is no path of flows`, () => {
    assert.throws(
      () => flowMask(['IP', path, 'source']),
      (error: Error) => error instanceof FieldMaskError && error.message === 'invalid fieldmask',
    )
  })

masks('a path is checked also where the message around it is wanted', () => {
  assert.throws(() => flowMask(['source', 'source.nothing']), /invalid fieldmask/)
})

masks.run()
