import type { FlowBatch } from '../../src/flow/batch.ts'
import type { EndpointTable } from '../../src/flow/endpoint.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { FlowRows } from '../../src/receivers/hubble/flow-rows.ts'
import { ForeignEndpoints } from '../../src/receivers/hubble/foreign-endpoints.ts'
import { SAMPLE_MS } from './hubble-flows.ts'

/** A flow as an agent of Cilium sends it: what only such flows have. */

const XWING = {
  ID: 17,
  identity: 1_001,
  namespace: 'default',
  pod_name: 'xwing-0',
  labels: ['k8s:app=xwing'],
  workloads: [{ name: 'xwing', kind: 'StatefulSet' }],
  cluster_name: 'east',
}
const DEATHSTAR = {
  identity: 1_002,
  namespace: 'empire',
  pod_name: 'deathstar-abc',
  labels: ['k8s:app=deathstar'],
  workloads: [{ name: 'deathstar', kind: 'Deployment' }],
  cluster_name: 'west',
}
const IP = { source: '10.1.0.1', destination: '10.1.0.2', ipVersion: 1 }
const PORTS = { source_port: 40_000, destination_port: 80 }
const HTTP = {
  url: 'http://deathstar/v1/exhaust-port?force=1',
  method: 'GET',
  protocol: 'HTTP/1.1',
  headers: [{ key: 'X-Force', value: 'on' }],
}
const COMMON = { IP, l4: { TCP: PORTS }, source: XWING, destination: DEATHSTAR, Type: 1, verdict: 1 }
const L7 = { ...COMMON, Type: 2, event_type: { type: 129 }, traffic_direction: 1 }
const POLICY = { name: 'deny-all', kind: 'CiliumNetworkPolicy', namespace: 'empire' }

export const CILIUM_FLOWS: readonly object[] = [
  {
    ...L7,
    is_reply: { value: false },
    l7: { type: 1, http: HTTP },
    trace_context: { parent: { trace_id: '0af7651916cd43dd8448eb211c80319c' } },
    node_labels: ['zone=a'],
    Summary: 'HTTP/1.1 GET http://deathstar/v1/exhaust-port?force=1',
  },
  {
    ...L7,
    source: DEATHSTAR,
    destination: XWING,
    IP: { ...IP, source: '10.1.0.2', destination: '10.1.0.1' },
    is_reply: { value: true },
    l7: { type: 2, latency_ns: 2_000_000, http: { ...HTTP, code: 404 } },
    Summary: 'HTTP/1.1 404 2ms (GET http://deathstar/v1/exhaust-port?force=1)',
  },
  {
    ...COMMON,
    IP: { ...IP, source_xlated: '192.0.2.7', encrypted: true },
    event_type: { type: 4, sub_type: 4 },
    is_reply: { value: false },
    ip_trace_id: { trace_id: 77, ip_option_type: 136 },
    auth_type: 1,
    destination_service: { name: 'deathstar', namespace: 'empire' },
    destination_names: ['deathstar.empire.svc'],
    Summary: 'TCP Flags: SYN',
  },
  {
    ...COMMON,
    verdict: 2,
    event_type: { type: 5, sub_type: 0 },
    traffic_direction: 1,
    drop_reason_desc: 133,
    ingress_denied_by: [POLICY],
    source_service: { name: 'xwing', namespace: 'default' },
    source_names: ['xwing.default.svc'],
    Summary: 'TCP Flags: SYN',
  },
  {
    ethernet: { source: 'aa:bb:cc:dd:ee:01', destination: 'ff:ff:ff:ff:ff:ff' },
    verdict: 2,
    event_type: { type: 1, sub_type: 142 },
    drop_reason_desc: 142,
    source: {},
    destination: {},
    Type: 1,
    Summary: 'Ethernet',
  },
  {
    ...COMMON,
    IP: { source: 'fd00::1', destination: 'fd00::2', ipVersion: 2 },
    l4: { UDP: { source_port: 5_353, destination_port: 53 } },
    event_type: { type: 4 },
    interface: { index: 7, name: 'veth7' },
    Summary: 'UDP',
  },
]

/** UUID of a flow of {@link CILIUM_FLOWS}. */
export function ciliumUuid(flow: number): string {
  return `00000000-0000-4000-8000-00000000000${flow}`
}

/** The flows as the `hubble` receiver hands them on; each is a second younger than the one before. */
export function ciliumBatch(table: EndpointTable): FlowBatch {
  const { serialize } = messageType('flow.Flow')
  const rows = new FlowRows(table, new ForeignEndpoints(table, 100))
  CILIUM_FLOWS.forEach((flow, i) => {
    const time = { seconds: SAMPLE_MS / 1_000 + i }
    const bytes = serialize({ ...flow, time, uuid: ciliumUuid(i), node_name: i === 5 ? 'east/node-2' : 'node-1' })
    if (!rows.add(bytes, 0, bytes.length)) throw new Error(`flow ${i} is malformed`)
  })
  return rows.take([])
}
