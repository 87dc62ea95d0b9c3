import fc from 'fast-check'
import { messageType } from '../../src/hubble/definition.ts'

/** `flow.Flow` as protobufjs takes it, with fields that columns hold; others are added as bytes. */
export interface FlowMessage {
  time: { seconds: number; nanos: number }
  uuid: string
  verdict: number
  drop_reason_desc: number
  IP?: { source: string; destination: string; ipVersion: number }
  l4?: Record<string, object>
  source?: EndpointMessage
  destination?: EndpointMessage
  Type: number
  node_name: string
  node_labels: string[]
  source_names: string[]
  destination_names: string[]
  l7?: Record<string, unknown>
  event_type?: { type: number; sub_type: number }
  source_service?: { name: string; namespace: string }
  destination_service?: { name: string; namespace: string }
  traffic_direction: number
  trace_observation_point: number
  is_reply?: { value: boolean }
  interface?: { index: number; name: string }
  Summary: string
}

export interface EndpointMessage {
  ID: number
  identity: number
  namespace: string
  labels: string[]
  pod_name: string
  workloads: { name: string; kind: string }[]
  cluster_name: string
}

const word = fc.stringMatching(/^[a-zé0-9-]{1,12}$/)
const byte = fc.integer({ min: 0, max: 255 })
const port = fc.integer({ min: 0, max: 65_535 })
const uint32 = fc.integer({ min: 0, max: 0xffffffff })

function optional<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined })
}

const endpoint: fc.Arbitrary<EndpointMessage> = fc.record({
  ID: port,
  identity: uint32,
  namespace: word,
  labels: fc.array(word, { maxLength: 4 }),
  pod_name: word,
  workloads: fc.array(fc.record({ name: word, kind: word }), { maxLength: 2 }),
  cluster_name: word,
})

const service = fc.record({ name: word, namespace: word })
const ports = fc.record({ source_port: port, destination_port: port })
const icmp = fc.record({ type: byte, code: byte })
const flags = fc.record(
  Object.fromEntries('FIN SYN RST PSH ACK URG ECE CWR NS'.split(' ').map((name) => [name, fc.boolean()])),
)

const layer4 = fc.oneof(
  fc.record({ TCP: fc.record({ source_port: port, destination_port: port, flags }) }),
  fc.record({ UDP: ports }),
  fc.record({ SCTP: ports }),
  fc.record({ ICMPv4: icmp }),
  fc.record({ ICMPv6: icmp }),
)

const addresses = fc.oneof(
  fc.record({ source: fc.ipV4(), destination: fc.ipV4(), ipVersion: fc.constant(1) }),
  fc.record({ source: fc.constant('fe80::1:2'), destination: fc.constant('2001:db8::5'), ipVersion: fc.constant(2) }),
)

const dns = fc.record({
  query: word,
  ips: fc.array(fc.ipV4(), { maxLength: 3 }),
  ttl: uint32,
  cnames: fc.array(word, { maxLength: 3 }),
  observation_source: fc.constant('proxy'),
  rcode: fc.integer({ min: 0, max: 23 }),
  qtypes: fc.array(fc.constantFrom('A', 'AAAA', 'TXT', 'TYPE4711'), { maxLength: 3 }),
  rrtypes: fc.array(fc.constantFrom('A', 'CNAME'), { maxLength: 3 }),
})

const http = fc.record({
  code: fc.integer({ min: 0, max: 599 }),
  method: word,
  url: word,
  protocol: word,
  headers: fc.array(fc.record({ key: word, value: word }), { maxLength: 3 }),
})

const layer7 = fc
  .record({ type: fc.integer({ min: 0, max: 3 }), latency_ns: fc.integer({ min: 0, max: 2 ** 40 }) })
  .chain((common) =>
    fc.oneof(
      fc.record({ ...constants(common), dns }),
      fc.record({ ...constants(common), http }),
      fc.record({ ...constants(common), kafka: fc.record({ topic: word }) }),
    ),
  )

function constants(values: Readonly<Record<string, number>>): Record<string, fc.Arbitrary<number>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fc.constant(value)]))
}

/** Any flow that columns can hold. */
export const flowMessage: fc.Arbitrary<FlowMessage> = fc
  .record({
    time: fc.record({ seconds: uint32, nanos: fc.integer({ min: 0, max: 999_999_999 }) }),
    uuid: fc.uuid(),
    verdict: fc.integer({ min: 0, max: 7 }),
    drop_reason_desc: fc.integer({ min: 130, max: 205 }),
    IP: optional(addresses),
    l4: optional(layer4 as fc.Arbitrary<Record<string, object>>),
    source: optional(endpoint),
    destination: optional(endpoint),
    Type: fc.integer({ min: 0, max: 3 }),
    node_name: word,
    node_labels: fc.array(word, { maxLength: 2 }),
    source_names: fc.array(word, { maxLength: 2 }),
    destination_names: fc.array(word, { maxLength: 2 }),
    l7: optional(layer7 as fc.Arbitrary<Record<string, unknown>>),
    event_type: optional(fc.record({ type: byte, sub_type: byte })),
    source_service: optional(service),
    destination_service: optional(service),
    traffic_direction: fc.integer({ min: 0, max: 2 }),
    trace_observation_point: fc.constantFrom(0, 3, 10, 11, 101),
    is_reply: optional(fc.record({ value: fc.boolean() })),
    interface: optional(fc.record({ index: uint32, name: word })),
    Summary: word,
  })
  // Objects like those of programs: fast-check makes some without prototype.
  .map((flow) => structuredClone(flow) as FlowMessage)

/** The flow in protobuf, then `unknown`: fields that the proto file does not have. */
export function encodeFlow(flow: object, unknown: Uint8Array = new Uint8Array(0)): Uint8Array {
  return Buffer.concat([messageType('flow.Flow').serialize(flow), unknown])
}

/** An answer of GetFlows around it. */
export function encodeResponse(response: object): Uint8Array {
  return messageType('observer.GetFlowsResponse').serialize(response)
}
