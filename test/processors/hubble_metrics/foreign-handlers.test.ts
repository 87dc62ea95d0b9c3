import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable, endpoint } from '../../../src/flow/endpoint.ts'
import { Ends } from '../../../src/flow/ends.ts'
import type { Handler } from '../../../src/processors/hubble_metrics/handlers/handler.ts'
import { HeapTexts } from '../../../src/processors/hubble_metrics/handlers/heap-texts.ts'
import { HANDLER_KINDS } from '../../../src/processors/hubble_metrics/handlers/kinds.ts'
import { WorldEnds } from '../../../src/processors/hubble_metrics/handlers/world-ends.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { foreignBatch } from '../../support/foreign-batch.ts'
import { series, settings } from '../../support/metric-rows.ts'

/** Handlers of what only other observers see, or see better: HTTP, policies, the world. All of it is compared with Hubble in test/peers. */

const EGRESS = 2

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A handler after these flows, of Hubble's metrics by default. */
function counting(
  name: string,
  flows: readonly object[],
  options: Record<string, string[]> = {},
  which: 'hubble' | 'exact' = 'hubble',
): Handler {
  const table = new EndpointTable()
  const handler = HANDLER_KINDS[name]![which]!({
    ...settings(),
    endpoints: new Ends(table),
    options: new Map(Object.entries(options)),
  })
  const batch = foreignBatch(table, flows)
  handler.observe(batch)
  batch.release()
  return handler
}

const http = (type: number, code: number, traceId = '') => ({
  event_type: { type: 129 },
  traffic_direction: EGRESS,
  time: { seconds: 1_700_000_000, nanos: 500_000_000 },
  l7: { type, latency_ns: 30_000_000, http: { code, method: 'GET', protocol: 'HTTP/1.1', url: 'http://a/' } },
  trace_context: { parent: { trace_id: traceId } },
})
const [REQUEST, RESPONSE] = [1, 2]

const handlers = suite('hubble_metrics handlers of flows of other observers')

handlers(
  'a drop that Cilium tells of is one packet of unknown size; its policy verdict, the same packet, is none',
  () => {
    const [DROPPED, DROP, POLICY_VERDICT] = [2, 1, 5]
    const drop = { verdict: DROPPED, drop_reason_desc: 133, event_type: { type: DROP, sub_type: 133 } }
    const told = series(counting('drop', [drop, drop, { ...drop, event_type: { type: POLICY_VERDICT } }], {}, 'exact'))
    const values = (metric: string) =>
      Object.keys(told)
        .filter((name) => name.startsWith(metric))
        .map((name) => told[name])
    assert.equal(values('fovea_drop_packets_total'), [2])
    assert.equal(values('fovea_drop_bytes_total'), [0])
  },
)

handlers('http counts requests, responses and how long they took', () => {
  const handler = counting('http', [http(REQUEST, 0), http(RESPONSE, 200), http(RESPONSE, 503), http(RESPONSE, 503)])
  assert.equal(series(handler), {
    'hubble_http_requests_total{method=GET,protocol=HTTP/1.1,reporter=client}': 1,
    'hubble_http_responses_total{method=GET,protocol=HTTP/1.1,status=200,reporter=client}': 1,
    'hubble_http_responses_total{method=GET,protocol=HTTP/1.1,status=503,reporter=client}': 2,
    'hubble_http_request_duration_seconds{method=GET,reporter=client}': '3/0.09',
  })
})

handlers('httpV2 counts responses alone', () => {
  assert.equal(series(counting('httpV2', [http(REQUEST, 0), http(RESPONSE, 200)])), {
    'hubble_http_requests_total{method=GET,protocol=HTTP/1.1,status=200,reporter=client}': 1,
    'hubble_http_request_duration_seconds{method=GET,reporter=client}': '1/0.03',
  })
})

handlers('exemplars are the last traces, where they are asked for', () => {
  const flows = [http(RESPONSE, 200, 'a'.repeat(32)), http(RESPONSE, 200, 'b'.repeat(32)), http(RESPONSE, 200)]
  const [, responses, duration] = counting('http', flows, { exemplars: ['true'] }).families
  const exemplar = { traceId: 'b'.repeat(32), timeMs: 1_700_000_000_500 }
  assert.equal(responses?.exemplarOf(1), { ...exemplar, value: 1 })
  assert.equal(duration?.exemplarOf(1, 3), { ...exemplar, value: 0.03 })
  assert.is(duration?.exemplarOf(1, 2), undefined)
  const [family] = counting('flow', flows, { exemplars: ['true'] }).families
  assert.is(family?.exemplarOf(1)?.traceId, 'b'.repeat(32))
  for (const written of ['', 'false', 'True']) {
    assert.is(counting('http', flows, { exemplars: [written] }).families[1]?.exemplarOf(1), undefined)
  }
})

handlers('policy counts verdicts, not those of this machine, and what proxies saw', () => {
  const verdict = { event_type: { type: 5 }, verdict: 2, traffic_direction: 1, policy_match_type: 2 }
  const flows = [
    { ...verdict, source: { identity: 1_001 } },
    { ...verdict, source: { identity: 1 } },
    { ...http(REQUEST, 0), verdict: 1, source: { identity: 1 } },
    { event_type: { type: 129 }, l7: { kafka: { topic: 't' } }, verdict: 5 },
    { event_type: { type: 4 }, verdict: 1 },
  ]
  assert.equal(series(counting('policy', flows)), {
    'hubble_policy_verdicts_total{direction=ingress,match=l3-l4,action=dropped}': 1,
    'hubble_policy_verdicts_total{direction=egress,match=l7/http,action=forwarded}': 1,
    'hubble_policy_verdicts_total{direction=traffic_direction_unknown,match=l7/kafka,action=redirected}': 1,
  })
})

const TO_WORLD = {
  event_type: { type: 4 },
  verdict: 1,
  l4: { TCP: { source_port: 40_000, destination_port: 443, flags: { SYN: true } } },
  destination: { identity: 16_777_217, labels: ['cidr:8.8.8.8/32', 'reserved:world'] },
}
const world: { name: string; options: string[]; flow: object; want: string }[] = [
  { name: 'a request', options: [], flow: TO_WORLD, want: 'protocol=TCP,verdict=FORWARDED' },
  { name: 'its port', options: ['port'], flow: TO_WORLD, want: 'protocol=TCP,verdict=FORWARDED,port=443' },
  {
    name: 'no port of ICMP',
    options: ['port'],
    flow: { ...TO_WORLD, l4: { ICMPv4: { type: 8 } } },
    want: 'protocol=ICMPv4,verdict=FORWARDED,port=',
  },
  { name: 'no reply', options: [], flow: { ...TO_WORLD, is_reply: { value: true } }, want: '' },
  { name: 'no flow to a pod', options: [], flow: { ...TO_WORLD, destination: { labels: ['k8s:a=b'] } }, want: '' },
  {
    name: 'a drop by policy',
    options: [],
    flow: { ...TO_WORLD, verdict: 2, drop_reason_desc: 133 },
    want: 'protocol=TCP,verdict=DROPPED',
  },
  { name: 'no other drop', options: [], flow: { ...TO_WORLD, verdict: 2, drop_reason_desc: 130 }, want: '' },
  {
    name: 'any drop that is asked for',
    options: ['any-drop'],
    flow: { ...TO_WORLD, verdict: 2, drop_reason_desc: 130 },
    want: 'protocol=TCP,verdict=DROPPED',
  },
  { name: 'a SYN', options: ['syn-only'], flow: TO_WORLD, want: 'protocol=TCP,verdict=FORWARDED' },
  { name: 'no data', options: ['syn-only'], flow: { ...TO_WORLD, l4: { TCP: { flags: { ACK: true } } } }, want: '' },
  { name: 'no UDP', options: ['syn-only'], flow: { ...TO_WORLD, l4: { UDP: {} } }, want: '' },
  { name: 'nothing without layer 4', options: [], flow: { ...TO_WORLD, l4: undefined }, want: '' },
  { name: 'nothing without an event type', options: [], flow: { ...TO_WORLD, event_type: undefined }, want: '' },
]
for (const { name, options, flow, want } of world)
  handlers(`flows-to-world:${options} counts ${name}`, () => {
    const handler = counting('flows-to-world', [flow], Object.fromEntries(options.map((option) => [option, ['']])))
    assert.equal(series(handler), want === '' ? {} : { [`hubble_flows_to_world_total{${want}}`]: 1 })
  })

handlers('flows-to-world counts the flows of this machine to addresses that nobody has here', () => {
  const handler = HANDLER_KINDS['flows-to-world']!.hubble(settings('port'))
  handler.observe(
    flowBatch([
      { ...TCP_SYN, destination: '192.0.2.1' },
      { ...TCP_SYN, destination: '127.0.0.1' },
    ]),
  )
  assert.equal(series(handler), { 'hubble_flows_to_world_total{protocol=TCP,verdict=FORWARDED,port=80}': 1 })
})

handlers('an id that becomes another endpoint is asked anew whether it is the world', async () => {
  const table = new EndpointTable()
  const world = new WorldEnds(new Ends(table))
  const isWorld = (id: number) => {
    world.refresh()
    return world.isDestination(flowBatch([{ ...TCP_SYN, destinationEndpoint: id }]), 0)
  }
  const labels = (i: number) => (i % 2 === 0 ? ['k8s:a=b', 'reserved:world-ipv6'] : ['reserved:host'])
  const ids = Array.from({ length: 200 }, (_, i) => table.add(endpoint({ labels: labels(i) })))
  assert.equal(
    ids.map(isWorld),
    ids.map((_, i) => i % 2 === 0),
  )
  for (const id of ids) table.retire(id)
  table.reclaim()
  // A weak reference that was asked stays until the end of its turn.
  await setImmediate()
  collect()
  table.reclaim()
  for (const _ of ids) table.add(endpoint({ labels: ['reserved:world'] }))
  assert.is(table.recycled, ids.length)
  assert.ok(ids.map(isWorld).every(Boolean))
})

const texts = suite('HeapTexts')

texts('the same bytes have the same number, others another one', () => {
  const known = new HeapTexts(() => assert.unreachable())
  const heap = new TextEncoder().encode('GETPOSTGETÜ')
  const number = (at: number, end: number) => known.number(heap, at, end)
  assert.is(number(0, 3), number(7, 10))
  assert.equal(
    [number(0, 3), number(3, 7), number(0, 0), number(10, 12)].map((n) => known.text(n)),
    ['GET', 'POST', '', 'Ü'],
  )
})

texts('too many texts, or too long ones, are forgotten, and whoever keeps numbers is told before', () => {
  let told = 0
  const known = new HeapTexts(() => told++)
  const add = (text: string) => {
    const heap = new TextEncoder().encode(text)
    return known.number(heap, 0, heap.length)
  }
  const numbers = Array.from({ length: 4_096 }, (_, i) => add(`method ${i}`))
  assert.is(new Set(numbers).size, 4_096)
  assert.is(Math.max(...numbers), 4_095)
  assert.is(told, 0)
  assert.is(known.text(add('one more')), 'one more')
  assert.is(told, 1)
  for (let i = 0; i < 16; i++) add(String(i).repeat(65_535))
  assert.ok(told > 1)
})

handlers.run()
texts.run()
