import { statSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fileConfig } from '../../../src/exporters/file/config.ts'
import { Direction, LostSource, Verdict } from '../../../src/flow/enums.ts'
import { ForeignBuilder } from '../../../src/flow/foreign.ts'
import { messageType } from '../../../src/hubble/definition.ts'
import { RefusedError } from '../../../src/pipeline/component.ts'
import { fileSettings, linesOf, startFile } from '../../support/file-exporter.ts'
import { numberedBatch } from '../../support/flow-source.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { SAMPLE, sampleBatch } from '../../support/hubble-flows.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const test = suite('file exporter')
const folder = new TemporaryFolder()
let files = 0
const newPath = () => folder.at(`${++files}/flows.log`)

test.after(() => folder.remove())

test('writes a line for each flow and each loss, with node and time', async () => {
  const path = newPath()
  const file = await startFile({ path, cluster_name: 'alpha' })
  const lost = { source: LostSource.OBSERVER_EVENTS_QUEUE, count: 42, firstMs: 1_000, lastMs: 2_000 }
  file.exporter.consume(sampleBatch(file.endpoints, [lost]))
  await file.stop()
  const [loss, ...flows] = linesOf(path)
  assert.equal(loss, {
    lost_events: {
      source: 'OBSERVER_EVENTS_QUEUE',
      num_events_lost: '42',
      cpu: 0,
      first: '1970-01-01T00:00:01Z',
      last: '1970-01-01T00:00:02Z',
    },
    node_name: 'node-1',
    time: '1970-01-01T00:00:02Z',
  })
  assert.is(flows.length, SAMPLE.length)
  for (const { flow, node_name, time } of flows) {
    assert.equal([node_name, time], ['alpha/node-1', flow?.time])
    assert.is(flow?.node_name, 'alpha/node-1')
  }
  assert.is(new Set(flows.map(({ flow }) => flow?.uuid)).size, SAMPLE.length)
  assert.is(file.metric('otelcol_exporter_sent_flows'), SAMPLE.length)
  assert.is(statSync(path).mode & 0o777, 0o600)
})

test('writes what the filters let through; losses pass filters by event type alone', async () => {
  const [path, other] = [newPath(), newPath()]
  const dropped = await startFile({
    path,
    allow_list: [{ verdict: ['DROPPED'] }],
    deny_list: [{ source_ip: ['10.0.0.9'] }],
  })
  const traced = await startFile({ path: other, allow_list: [{ event_type: [{ type: 4 }] }] })
  const batch = flowBatch(
    [{}, { verdict: Verdict.DROPPED }, { verdict: Verdict.DROPPED, source: '10.0.0.9' }].map((row) => ({
      ...TCP_SYN,
      ...row,
    })),
    [{ source: LostSource.OBSERVER_EVENTS_QUEUE, count: 1 }],
  )
  for (const { exporter, stop } of [dropped, traced]) {
    exporter.consume(batch)
    await stop()
  }
  assert.equal(
    linesOf(path).map(({ flow }) => flow?.verdict),
    ['DROPPED'],
  )
  assert.is(linesOf(other).filter(({ lost_events }) => lost_events).length, 1)
})

test('writes agent events as they come, where the filters ask for nothing that only flows have', async () => {
  const paths = [newPath(), newPath(), newPath()]
  const lists = [[], [{ event_type: [{ type: 130, match_sub_type: true, sub_type: 2 }] }], [{ verdict: [1] }]]
  for (const [i, path] of paths.entries()) {
    const file = await startFile({ path, cluster_name: 'alpha', allow_list: lists[i]! })
    file.endpoints.cluster.events.append({ at: 'agent_started', startMs: 1_000 })
    file.endpoints.cluster.events.append({ at: 'service_deleted', id: 7 })
    await file.stop()
    file.endpoints.cluster.events.append({ at: 'service_deleted', id: 8 })
  }
  const started = { type: 'AGENT_STARTED', agent_start: { time: '1970-01-01T00:00:01Z' } }
  const deleted = { type: 'SERVICE_DELETED', service_delete: { id: 7 } }
  assert.equal(
    paths.map((path) => linesOf(path).map(({ agent_event, node_name }) => [agent_event, node_name])),
    [
      [
        [started, 'node-1'],
        [deleted, 'node-1'],
      ],
      [[started, 'node-1']],
      [],
    ],
  )
})

test('writes the fields of the mask alone, and node and time of the event all the same', async () => {
  const path = newPath()
  const file = await startFile({ path, field_mask: ['source.pod_name', 'verdict', 'l4.TCP.destination_port'] })
  file.exporter.consume(sampleBatch(file.endpoints))
  await file.stop()
  const { time, ...event } = linesOf(path)[0]!
  assert.ok(time)
  assert.equal(event, {
    flow: { verdict: 'FORWARDED', l4: { TCP: { destination_port: 80 } }, source: { pod_name: 'xwing-0' } },
    node_name: 'node-1',
  })
})

test('adds flows up by fields, and tells in which direction they went', async () => {
  const path = newPath()
  const file = await startFile({ path, field_aggregate: ['IP.source', 'verdict'], aggregation_interval: 3_600_000 })
  const rows = [Direction.INGRESS, Direction.EGRESS, Direction.EGRESS, Direction.UNKNOWN].map((direction, i) => ({
    ...TCP_SYN,
    direction,
    timeMs: 1_000 * (i + 1),
  }))
  file.exporter.consume(flowBatch([...rows, { ...TCP_SYN, source: '10.0.0.7', timeMs: 9_000 }]))
  assert.is(file.metric('fovea_file_aggregates'), 2)
  await file.stop()
  assert.equal(linesOf(path), [
    {
      flow: {
        time: '1970-01-01T00:00:01.000000000Z',
        verdict: 'FORWARDED',
        IP: { source: '10.0.0.1' },
        aggregate: { ingress_flow_count: 1, egress_flow_count: 2, unknown_direction_flow_count: 1 },
      },
      node_name: 'node-1',
      time: '1970-01-01T00:00:01.000000000Z',
    },
    {
      flow: {
        time: '1970-01-01T00:00:09.000000000Z',
        verdict: 'FORWARDED',
        IP: { source: '10.0.0.7' },
        aggregate: { egress_flow_count: 1 },
      },
      node_name: 'node-1',
      time: '1970-01-01T00:00:09.000000000Z',
    },
  ])
  assert.is(file.metric('otelcol_exporter_sent_flows'), 5)
})

test('writes sums early where there is no room for more of them, and counts that', async () => {
  const path = newPath()
  const settings = { field_aggregate: ['IP.source'], aggregation_interval: 3_600_000, aggregation_limit: 10 }
  const file = await startFile({ path, ...settings })
  file.exporter.consume(numberedBatch(0, 25))
  await file.stop()
  assert.is(linesOf(path).length, 25)
  assert.is(file.metric('fovea_file_early_flushes'), 2)
})

test('refuses and counts what a full queue cannot take', async () => {
  const path = newPath()
  const file = await startFile({ path, queue_mib: 1, rotation: { max_megabytes: 1_000 } })
  let refused = 0
  for (let i = 0; i < 10; i++) {
    try {
      file.exporter.consume(numberedBatch(0, 8_192))
    } catch (error) {
      assert.instance(error, RefusedError)
      refused += 8_192
    }
  }
  assert.ok(refused > 0)
  await file.stop()
  assert.is(file.metric('otelcol_exporter_enqueue_failed_flows'), refused)
  assert.is(file.metric('fovea_file_lost_flows', { cause: 'queue_full' }), refused)
  assert.is(linesOf(path).length + refused, 81_920)
})

test('writes flows of other observers from their bytes; malformed and endless ones are counted', async () => {
  const path = newPath()
  const file = await startFile({ path })
  const { serialize } = messageType('flow.Flow')
  const batch = flowBatch([TCP_SYN, TCP_SYN, TCP_SYN])
  const builder = new ForeignBuilder(3)
  builder.add(serialize({ uuid: 'their-own', node_name: 'node-7', auth_type: 1, ip_trace_id: { trace_id: 7 } }))
  builder.add(Uint8Array.of(0x0a, 0x09))
  builder.add(serialize({ Summary: 'x'.repeat(70_000) }))
  batch.foreign = builder.take()
  file.exporter.consume(batch)
  await file.stop()
  const [event, ...others] = linesOf(path)
  assert.equal(others, [])
  assert.is(event?.node_name, 'node-7')
  assert.equal(event?.flow, {
    uuid: 'their-own',
    auth_type: 'SPIRE',
    node_name: 'node-7',
    ip_trace_id: { trace_id: '7' },
  })
  assert.is(file.metric('fovea_file_lost_flows', { cause: 'malformed' }), 1)
  assert.is(file.metric('fovea_file_lost_flows', { cause: 'too_long' }), 1)
  assert.is(file.metric('otelcol_exporter_send_failed_flows'), 2)
})

test('settings: mistakes have their place', () => {
  const problems = fileConfig.check!(
    fileSettings({ field_mask: ['verdict', 'no.such'], allow_list: [{ verdcit: [1] }] }),
  )
  assert.equal(
    problems.map(({ path, message }) => `${path.join('::')}: ${message}`),
    [
      'allow_list::0::verdcit: unknown filter field, did you mean "verdict"?',
      'field_mask::1: invalid fieldmask: flow.Flow has no field "no.such"',
      'path: requires a "path", a "dynamic::path" or both',
    ],
  )
})

test.run()
