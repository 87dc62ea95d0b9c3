import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText } from '../../../src/flow/address.ts'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { dnsTypeName } from '../../../src/flow/dns-names.ts'
import { type Endpoint, EndpointTable, endpoint } from '../../../src/flow/endpoint.ts'
import { Kind, L7Type, Protocol, Reply, TcpFlag } from '../../../src/flow/enums.ts'
import { L7Protocol } from '../../../src/flow/l7.ts'
import { dnsAddresses } from '../../../src/flow/summary.ts'
import { FlowRows } from '../../../src/receivers/hubble/flow-rows.ts'
import { ForeignEndpoints } from '../../../src/receivers/hubble/foreign-endpoints.ts'
import { type EndpointMessage, encodeFlow, type FlowMessage, flowMessage } from '../../support/flow-messages.ts'

const test = suite('flow rows of other observers')

/** Field 21,999, which no proto file has: bytes 1, 2, 3. */
const UNKNOWN = Uint8Array.of(0xfa, 0xdd, 0x0a, 3, 1, 2, 3)

function rows(): { rows: FlowRows; table: EndpointTable } {
  const table = new EndpointTable()
  return { rows: new FlowRows(table, new ForeignEndpoints(table, 1_024)), table }
}

/** A batch of flows, each between bytes that are not its own. */
function batchOf(flows: readonly Uint8Array[]): { batch: FlowBatch; table: EndpointTable } {
  const { rows: into, table } = rows()
  for (const flow of flows) {
    const bytes = Buffer.concat([Uint8Array.of(0xff, 0xff), flow, Uint8Array.of(0xff)])
    assert.ok(into.add(bytes, 2, bytes.length - 1))
  }
  return { batch: into.take([]), table }
}

const L4_NUMBERS: Readonly<Record<string, number>> = {
  TCP: Protocol.TCP,
  UDP: Protocol.UDP,
  SCTP: Protocol.SCTP,
  ICMPv4: Protocol.ICMP,
  ICMPv6: Protocol.ICMPV6,
}

function checkNumbers({ columns, strings }: FlowBatch, row: number, flow: FlowMessage): void {
  assert.is(columns.timeSeconds[row], flow.time.seconds)
  assert.is(columns.timeNanos[row], flow.time.nanos)
  assert.is(columns.verdict[row], flow.verdict)
  assert.is(columns.dropReason[row], flow.drop_reason_desc)
  assert.is(columns.type[row], flow.Type)
  assert.is(columns.direction[row], flow.traffic_direction)
  assert.is(columns.observationPoint[row], flow.trace_observation_point)
  assert.is(columns.eventType[row], flow.event_type?.type ?? 0)
  assert.is(columns.eventSubType[row], flow.event_type?.sub_type ?? 0)
  assert.is(
    columns.isReply[row],
    flow.is_reply === undefined ? Reply.UNKNOWN : flow.is_reply.value ? Reply.YES : Reply.NO,
  )
  assert.is(columns.interfaceIndex[row], flow.interface?.index ?? 0)
  assert.is(strings[columns.interfaceName[row]!], flow.interface?.name ?? '')
  assert.is(strings[columns.sourceNames[row]!], flow.source_names.join(','))
  assert.is(strings[columns.destinationNames[row]!], flow.destination_names.join(','))
  assert.is(columns.weight[row], 1)
}

function checkPackets({ columns }: FlowBatch, row: number, { IP, l4 }: FlowMessage): void {
  assert.is(columns.ipVersion[row], [0, 4, 6][IP?.ipVersion ?? 0])
  if (IP !== undefined) {
    assert.is(addressText(columns.sourceAddress, row), IP.source)
    assert.is(addressText(columns.destinationAddress, row), IP.destination)
  }
  const [name, layer] = Object.entries(l4 ?? {})[0] ?? ['', {}]
  const fields = layer as Record<string, number> & { flags?: Record<string, boolean> }
  assert.is(columns.protocol[row], L4_NUMBERS[name] ?? 0)
  assert.is(columns.sourcePort[row], fields.source_port ?? 0)
  assert.is(columns.destinationPort[row], fields.destination_port ?? 0)
  assert.is(columns.icmpType[row], fields.type ?? 0)
  assert.is(columns.icmpCode[row], fields.code ?? 0)
  const names = (Object.keys(TcpFlag) as (keyof typeof TcpFlag)[]).filter((flag) => fields.flags?.[flag])
  assert.is(
    columns.tcpFlags[row],
    names.reduce((bits, flag) => bits | TcpFlag[flag], 0),
  )
}

function checkEnd(end: Endpoint, message: EndpointMessage | undefined, service: FlowMessage['source_service']): void {
  assert.equal(end.service, service)
  assert.is(end.localId, message?.ID ?? 0)
  assert.is(end.identity, message?.identity ?? 0)
  assert.is(end.namespace, message?.namespace ?? '')
  assert.is(end.podName, message?.pod_name ?? '')
  assert.is(end.clusterName, message?.cluster_name ?? '')
  assert.equal(end.workloads, message?.workloads ?? [])
  if (message !== undefined || service !== undefined) assert.equal(end.labels, message?.labels ?? [])
}

function checkLayer7(batch: FlowBatch, row: number, { l7 }: FlowMessage): void {
  const table = batch.l7
  const at = batch.columns.l7[row]! - 1
  if (l7 === undefined || l7.kafka !== undefined) {
    assert.is(at, -1)
    return
  }
  assert.is(table.columns.type[at], l7.type)
  assert.is(table.columns.latencyNs[at], l7.latency_ns)
  if (l7.http !== undefined) {
    const http = l7.http as { headers: { key: string; value: string }[] }
    assert.is(table.columns.protocol[at], L7Protocol.HTTP)
    const [code, method, url, protocol] = [
      table.httpCode(at),
      table.httpMethod(at),
      table.httpUrl(at),
      table.httpProtocol(at),
    ]
    const headers = table.httpHeaders(at).map(([key, value]) => ({ key, value }))
    assert.equal({ code, method, url, protocol, headers }, http)
    return
  }
  assert.is(table.columns.protocol[at], L7Protocol.DNS)
  const { observation_source: _, ...dns } = l7.dns as Record<string, unknown>
  assert.equal(
    {
      query: table.query(at),
      ips: dnsAddresses(batch, at),
      ttl: table.columns.ttlSeconds[at],
      cnames: table.names(at),
      rcode: table.columns.rcode[at],
      qtypes: table.types(at).map(dnsTypeName),
      rrtypes: table.answerTypes(at).map(dnsTypeName),
    },
    dns,
  )
}

test('columns hold what protobufjs wrote, and every byte stays', () => {
  fc.assert(
    fc.property(fc.array(flowMessage, { minLength: 1, maxLength: 100 }), (flows) => {
      const encoded = flows.map((flow) => encodeFlow(flow, UNKNOWN))
      const { batch, table } = batchOf(encoded)
      assert.is(batch.length, flows.length)
      flows.forEach((flow, row) => {
        checkNumbers(batch, row, flow)
        checkPackets(batch, row, flow)
        checkLayer7(batch, row, flow)
        checkEnd(table.get(batch.columns.sourceEndpoint[row]!), flow.source, flow.source_service)
        checkEnd(table.get(batch.columns.destinationEndpoint[row]!), flow.destination, flow.destination_service)
        assert.equal(Buffer.from(batch.foreign!.raw(row)), Buffer.from(encoded[row]!))
        assert.is(batch.foreign!.uuid(row), flow.uuid)
        assert.is(batch.foreign!.nodeName(row), flow.node_name)
        assert.equal(batch.foreign!.nodeLabels(row), flow.node_labels)
        assert.is(batch.foreign!.summary(row), flow.Summary)
      })
    }),
    { numRuns: 60 },
  )
})

test('what is cut or changed anywhere is refused or read, and the row after it is right', () => {
  const good = encodeFlow({ uuid: 'after', verdict: 1, l4: { UDP: { source_port: 53 } } })
  fc.assert(
    fc.property(flowMessage, fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 }), (flow, cut, at, value) => {
      const bytes = encodeFlow(flow)
      const broken = bytes.slice(0, cut % (bytes.length + 1))
      if (broken.length > 0) broken[at % broken.length] = value
      const { rows: into } = rows()
      into.add(broken, 0, broken.length)
      assert.ok(into.add(good, 0, good.length))
      const batch = into.take([])
      const row = batch.length - 1
      assert.is(batch.foreign!.uuid(row), 'after')
      assert.is(batch.columns.sourcePort[row], 53)
      assert.is(batch.columns.l7[row], 0)
      assert.is(batch.columns.sourceNames[row], 0)
      assert.is(batch.columns.ipVersion[row], 0)
    }),
    { numRuns: 2_000 },
  )
})

test('ends without anything said of them have no name and no label, not even that of the unknown', () => {
  const { batch, table } = batchOf([encodeFlow({ source: {} })])
  const nobody = endpoint({})
  assert.equal(table.get(batch.columns.sourceEndpoint[0]!), nobody)
  assert.equal(table.get(batch.columns.destinationEndpoint[0]!), nobody)
})

test('exact counts of another fovea come through, those of others do not', () => {
  const value = Buffer.concat([entry('packets', 7), entry('bytes', 700), entry('weight', 2)])
  const extensions = { type_url: 'type.googleapis.com/google.protobuf.Struct', value }
  const { batch } = batchOf([
    encodeFlow({ emitter: { name: 'Fovea' }, extensions }),
    encodeFlow({ emitter: { name: 'Other' }, extensions }),
  ])
  const { packets, bytes, weight, kind } = batch.columns
  assert.equal([packets[0], bytes[0], weight[0], kind[0]], [7, 700, 2, Kind.PACKETS])
  assert.equal([packets[1], bytes[1], weight[1], kind[1]], [0, 0, 1, 0])
})

test('what happened to a TCP socket comes through', () => {
  const of = (...entries: Buffer[]) =>
    encodeFlow({
      emitter: { name: 'Fovea' },
      extensions: { type_url: 'type.googleapis.com/google.protobuf.Struct', value: Buffer.concat(entries) },
    })
  const { batch } = batchOf([
    of(said('tcp_old_state', 'SYN_SENT'), said('tcp_new_state', 'ESTABLISHED')),
    of(said('tcp_new_state', '200'), said('tcp_old_state', 'LISTEN')),
    of(entry('retransmits', 3)),
    of(said('reset', 'received')),
  ])
  const { kind, detail } = batch.columns
  assert.equal([...kind.subarray(0, 4)], [Kind.TCP_STATE, Kind.TCP_STATE, Kind.TCP_CLOSE, Kind.TCP_RESET])
  assert.equal([...detail.subarray(0, 4)], [(2 << 8) | 1, (10 << 8) | 200, 3, 2])
})

/** An entry of `google.protobuf.Struct.fields` with a number. */
function entry(key: string, value: number): Buffer {
  const number = Buffer.alloc(9)
  number[0] = (2 << 3) | 1
  number.writeDoubleLE(value, 1)
  return entryOf(key, number)
}

/** One with a text. */
function said(key: string, text: string): Buffer {
  return entryOf(key, Buffer.from([(3 << 3) | 2, text.length, ...Buffer.from(text)]))
}

function entryOf(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([10, key.length, ...Buffer.from(key), 18, value.length]), value])
  return Buffer.concat([Uint8Array.of(10, body.length), body])
}

test('a flow without time gets that of its answer', () => {
  const { rows: into } = rows()
  const [without, own] = [encodeFlow({ uuid: 'a' }), encodeFlow({ time: { seconds: 7, nanos: 8 } })]
  for (const flow of [without, own]) into.add(flow, 0, flow.length, { seconds: 5, nanos: 6 })
  const { timeSeconds, timeNanos } = into.take([]).columns
  assert.equal([timeSeconds[0], timeNanos[0], timeSeconds[1], timeNanos[1]], [5, 6, 7, 8])
})

test('more rows than a batch begins with', () => {
  const flows = Array.from({ length: 1_000 }, (_, i) =>
    encodeFlow({ source_names: [`n${i}`], l4: { UDP: { source_port: i } } }),
  )
  const { batch } = batchOf(flows)
  for (let i = 0; i < 1_000; i++) {
    assert.is(batch.columns.sourcePort[i], i)
    assert.is(batch.strings[batch.columns.sourceNames[i]!], `n${i}`)
    assert.is(batch.columns.weight[i], 1)
  }
})

test('one builder makes many batches', () => {
  const { rows: into } = rows()
  const dns = encodeFlow({ l7: { type: L7Type.REQUEST, dns: { query: 'a.' } } })
  const plain = encodeFlow({ uuid: 'x' })
  for (let i = 0; i < 3; i++) {
    into.add(dns, 0, dns.length)
    const first = into.take([])
    into.add(plain, 0, plain.length)
    const second = into.take([])
    assert.is(first.l7.query(first.columns.l7[0]! - 1), 'a.')
    assert.is(second.columns.l7[0], 0)
    assert.is(second.foreign!.uuid(0), 'x')
  }
})

test.run()
