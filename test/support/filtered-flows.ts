export const UUID = '6f8e0c4e-3b0a-4d8c-9a55-0b7b1f3a2c11'
export const TRACE = '0af7651916cd43dd8448eb211c80319c'

const FRONTEND = {
  ID: 7,
  identity: 4_001,
  namespace: 'shop',
  labels: ['k8s:app=frontend', 'k8s:io.kubernetes.pod.namespace=shop', 'k8s:tier=3'],
  pod_name: 'frontend-5d9c-x',
  workloads: [{ name: 'frontend', kind: 'Deployment' }],
  cluster_name: 'east',
}
const BACKEND = {
  identity: 4_002,
  namespace: 'default',
  labels: ['container:app=web', 'k8s:app=backend'],
  pod_name: 'backend-0',
  workloads: [{ name: 'backend', kind: 'StatefulSet' }],
  cluster_name: 'west',
}
const WORLD = { identity: 2, labels: ['cidr:10.20.0.0/16', 'reserved:world'] }

/** Rows of {@link FLOWS}. */
export const HTTP_REQUEST = 0
export const HTTP_RESPONSE = 1
export const DNS = 2
export const DROP = 3
export const KAFKA = 4
export const ICMP = 5

/** `flow.Flow`s of another observer in which every filter finds something; the numbers above are their rows. */
export const FLOWS: readonly object[] = [
  {
    time: { seconds: 1 },
    uuid: UUID,
    verdict: 1,
    IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 1, source_xlated: '192.0.2.1' },
    l4: { TCP: { source_port: 40_000, destination_port: 80, flags: { SYN: true, ACK: true } } },
    source: FRONTEND,
    destination: BACKEND,
    source_service: { name: 'front', namespace: 'shop' },
    destination_service: { name: 'back', namespace: 'default' },
    Type: 2,
    node_name: 'east/node-1',
    node_labels: ['kubernetes.io/os=linux', 'zone=a'],
    source_names: ['frontend.shop.svc'],
    destination_names: ['backend.default.svc', 'api.example.com'],
    l7: {
      type: 1,
      http: {
        method: 'GET',
        url: 'http://api.example.com/v1/it%65ms?page=2',
        protocol: 'HTTP/1.1',
        headers: [{ key: 'X-Team', value: 'core' }],
      },
    },
    is_reply: { value: false },
    event_type: { type: 129 },
    traffic_direction: 1,
    interface: { index: 12, name: 'lxc1' },
    trace_context: { parent: { trace_id: TRACE } },
    ip_trace_id: { trace_id: '18446744073709551615' },
  },
  {
    time: { seconds: 2 },
    verdict: 1,
    IP: { source: '10.0.0.2', destination: '10.0.0.1', ipVersion: 1, encrypted: true },
    l4: { TCP: { source_port: 80, destination_port: 40_000 } },
    source: BACKEND,
    destination: FRONTEND,
    node_name: 'node-2',
    l7: { type: 2, latency_ns: 1_000_000, http: { code: 404, method: 'GET', url: '/v1/none' } },
    is_reply: { value: true },
    event_type: { type: 129 },
    traffic_direction: 2,
  },
  {
    time: { seconds: 3 },
    verdict: 5,
    IP: { source: '10.0.0.1', destination: '10.0.0.53', ipVersion: 1 },
    l4: { UDP: { source_port: 5_353, destination_port: 53 } },
    source: FRONTEND,
    l7: { type: 1, dns: { query: 'api.example.com.' } },
    event_type: { type: 129 },
    is_reply: { value: false },
  },
  {
    time: { seconds: 4 },
    verdict: 2,
    drop_reason_desc: 133,
    IP: { source: '10.20.3.4', destination: '10.0.0.2', ipVersion: 1 },
    l4: { TCP: { source_port: 9, destination_port: 22, flags: { SYN: true } } },
    source: WORLD,
    destination: BACKEND,
    event_type: { type: 1, sub_type: 133 },
  },
  {
    time: { seconds: 5 },
    verdict: 1,
    IP: { source: '10.0.0.1', destination: '10.0.0.9', ipVersion: 1 },
    l4: { TCP: { source_port: 40_001, destination_port: 9_092 } },
    l7: { type: 1, kafka: { topic: 'orders' } },
    event_type: { type: 129 },
  },
  {
    time: { seconds: 6 },
    verdict: 1,
    IP: { source: '2001:db8::1', destination: '2001:db8::2', ipVersion: 2 },
    l4: { ICMPv6: { type: 128 } },
    event_type: { type: 4, sub_type: 3 },
  },
]
