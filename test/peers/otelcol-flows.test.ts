import { setTimeout } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { OtlpGrpcConfig } from '../../src/exporters/otlp_grpc/config.ts'
import { EventType, FlowType, Kind, L7Type, Protocol, Reply } from '../../src/flow/enums.ts'
import type { OtlpFlowExporter } from '../../src/pipeline/otlp/flow-exporter.ts'
import { makeCertificates } from '../support/certificates.ts'
import { createContext, ownMetric, type RecordingContext } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { flowExporter, otlpConfig } from '../support/exporter-config.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../support/flows.ts'
import { DROP as NETFILTER_DROP } from '../support/metric-rows.ts'
import { Otelcol, plainAttributes } from '../support/otelcol.ts'

const LABELS = { exporter: 'otlp_grpc' }

async function exporting(config: OtlpGrpcConfig): Promise<{ exporter: OtlpFlowExporter; context: RecordingContext }> {
  const context = createContext('exporter', 'otlp_grpc')
  const exporter = flowExporter(context, config)
  await exporter.start()
  return { exporter, context }
}

const soon = (ms = 10_000) => Date.now() + ms

const flows = suite('otlp_grpc flows to a real Collector')
let otelcol: Otelcol

flows.before.each(async () => {
  otelcol = await Otelcol.prepare()
})
flows.after.each(() => otelcol.clear())

const ANSWER: FlowRow = {
  ...TCP_SYN,
  kind: Kind.DNS,
  type: FlowType.L7,
  eventType: EventType.L7,
  eventSubType: 0,
  protocol: Protocol.UDP,
  sourcePort: 53,
  tcpFlags: 0,
  isReply: Reply.YES,
  source: 'fd00::1',
  destination: 'fd00::2',
  timeMs: 1_700_000_000_123,
  l7: {
    type: L7Type.RESPONSE,
    query: 'a.example.',
    types: [1],
    answerTypes: [5, 1],
    addresses: ['10.0.0.9'],
    names: ['b.example.'],
    ttlSeconds: 30,
    latencyNs: 1_500_000,
  },
}

const DROP: FlowRow = { ...NETFILTER_DROP, interfaceName: 'eth0', interfaceIndex: 2 }

flows('every attribute arrives as it was', async () => {
  await otelcol.start()
  const { exporter, context } = await exporting(otlpConfig(`127.0.0.1:${otelcol.port}`))
  exporter.consume(flowBatch([{ ...TCP_SYN, timeMs: 1_700_000_000_001 }, ANSWER, DROP]))
  const records = await eventually('the records', () => {
    const got = otelcol.logRecords()
    return got.length === 3 ? got : undefined
  })
  await exporter.shutdown(soon())
  const [syn, answer, drop] = records.map((record) => plainAttributes(record.attributes))
  assert.equal(syn, {
    'network.type': 'ipv4',
    'source.address': '10.0.0.1',
    'destination.address': '10.0.0.2',
    'network.transport': 'tcp',
    'flow.tcp.flags': ['SYN'],
    'source.port': 40_000,
    'destination.port': 80,
    'hubble.verdict': 'FORWARDED',
    'hubble.type': 'L3_L4',
    'hubble.event_type': 'to-stack',
    'hubble.trace_observation_point': 'to-stack',
    'hubble.traffic_direction': 'EGRESS',
    'hubble.is_reply': false,
    'hubble.summary': 'TCP Flags: SYN',
    'hubble.source.identity': 2,
    'hubble.source.labels': ['reserved:world'],
    'hubble.destination.identity': 2,
    'hubble.destination.labels': ['reserved:world'],
    'flow.packets': 1,
    'flow.bytes': 74,
  })
  assert.is(answer?.['source.address'], 'fd00::1')
  assert.is(answer?.['network.protocol.name'], 'dns')
  assert.is(answer?.['dns.question.name'], 'a.example.')
  assert.equal(answer?.['dns.answers'], ['10.0.0.9'])
  assert.equal(answer?.['hubble.dns.rrtypes'], ['CNAME', 'A'])
  assert.equal(answer?.['hubble.dns.cnames'], ['b.example.'])
  assert.is(answer?.['hubble.l7.latency_ns'], 1_500_000)
  assert.is(drop?.['hubble.drop_reason'], 'POLICY_DENIED')
  assert.is(drop?.['error.type'], 'NETFILTER_DROP')
  assert.is(drop?.['flow.drop.location'], 'nf_hook_slow+0x93')
  assert.is(drop?.['network.interface.name'], 'eth0')
  assert.equal(
    records.map(({ severityText, eventName }) => [severityText, eventName]),
    [
      ['INFO', 'network.flow'],
      ['INFO', 'network.flow'],
      ['WARN', 'network.flow'],
    ],
  )
  assert.is(records[0]?.timeUnixNano, '1700000000001000000')
  const [line] = otelcol.lines()
  const resource = plainAttributes(line?.resourceLogs?.[0]?.resource.attributes)
  assert.is(resource['service.name'], 'fovea')
  assert.type(resource['host.name'], 'string')
  assert.is(ownMetric(context, 'otelcol_exporter_sent_flows', LABELS), 3)
})

flows('every flow of many batches arrives once', async () => {
  await otelcol.start()
  const { exporter, context } = await exporting(otlpConfig(`127.0.0.1:${otelcol.port}`))
  for (let batch = 0; batch < 10; batch++) {
    const rows = Array.from({ length: 777 }, (_, i) => ({ ...TCP_SYN, bytes: batch * 777 + i + 1 }))
    exporter.consume(flowBatch(rows))
  }
  await exporter.shutdown(soon(60_000))
  const records = await eventually('the records', () => {
    const got = otelcol.logRecords()
    return got.length >= 7_770 ? got : undefined
  })
  const bytes = records.map((record) => Number(plainAttributes(record.attributes)['flow.bytes']))
  assert.equal(
    bytes.sort((a, b) => a - b),
    Array.from({ length: 7_770 }, (_, i) => i + 1),
  )
  assert.is(ownMetric(context, 'otelcol_exporter_sent_flows', LABELS), 7_770)
  assert.is(ownMetric(context, 'otelcol_exporter_send_failed_flows', LABELS), 0)
})

flows('a backend that is away at the start gets everything when it comes; one log line a change', async () => {
  const { exporter, context } = await exporting(otlpConfig(`127.0.0.1:${otelcol.port}`))
  exporter.consume(flowBatch([TCP_SYN, TCP_SYN]))
  await eventually(
    'the failure to be told',
    () => context.statuses.some(({ at }) => at === 'recoverable_error') || undefined,
  )
  await setTimeout(500)
  await otelcol.start()
  const records = await eventually('the records', () => {
    const got = otelcol.logRecords()
    return got.length > 0 ? got : undefined
  })
  await exporter.shutdown(soon())
  assert.is(records.length, 2)
  assert.equal(
    context.lines.map(({ msg }) => msg),
    ['Exporting failed. Will retry the request after interval.', 'Exporting works again.'],
  )
  assert.equal(
    context.statuses.map(({ at }) => at),
    ['recoverable_error', 'ok'],
  )
})

flows('over TLS: with the right authority and name, and not without', async () => {
  const certificates = makeCertificates(otelcol.folder, ['backend.example'])
  const secure = await Otelcol.prepare(certificates, otelcol.folder)
  await secure.start()
  const tls = { ...otlpConfig('').tls, insecure: false, ca_file: certificates.ca }
  const retry_on_failure = { ...otlpConfig('').retry_on_failure, enabled: false }
  try {
    const named = { ...tls, server_name_override: 'backend.example' }
    const { exporter } = await exporting(otlpConfig(`localhost:${secure.port}`, { tls: named }))
    exporter.consume(flowBatch([TCP_SYN]))
    await eventually('the record', () => secure.logRecords().length || undefined)
    await exporter.shutdown(soon())
    const wrong = await exporting(otlpConfig(`localhost:${secure.port}`, { tls, retry_on_failure }))
    wrong.exporter.consume(flowBatch([TCP_SYN, TCP_SYN]))
    await eventually(
      'the failure',
      () => ownMetric(wrong.context, 'otelcol_exporter_send_failed_flows', LABELS) || undefined,
    )
    assert.is(ownMetric(wrong.context, 'otelcol_exporter_send_failed_flows', LABELS), 2)
    assert.is(ownMetric(wrong.context, 'otelcol_exporter_sent_flows', LABELS), 0)
    await wrong.exporter.shutdown(soon())
    assert.is(secure.logRecords().length, 1)
  } finally {
    await secure.stop()
  }
})

flows.run()
