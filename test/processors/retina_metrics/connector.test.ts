import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable, endpoint } from '../../../src/flow/endpoint.ts'
import { Kind, ObservationPoint, Protocol, TcpFlag } from '../../../src/flow/enums.ts'
import { RetinaMetricsConnector } from '../../../src/processors/retina_metrics/connector.ts'
import { createContext } from '../../support/create-context.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'
import { ANSWER, DROP, QUERY, SOCKET, series } from '../../support/metric-rows.ts'

const LIMITS = { cardinality_limit: 100, total_cardinality_limit: 1_000, series_ttl: 0, gone_series_ttl: 60_000 }

const endpoints = new EndpointTable()
const pod = (podName: string, nodeName: string) =>
  endpoints.add(
    endpoint({ namespace: 'shop', podName, nodeName, workloads: [{ name: podName.slice(0, -2), kind: 'Deployment' }] }),
  )
const web = pod('web-1', 'node-1')
const cart = pod('cart-1', 'node-1')
const far = pod('far-1', 'node-2')
const apiserver = endpoints.add(endpoint({ identity: 7, labels: ['reserved:kube-apiserver', 'reserved:remote-node'] }))

const WEB_TO_CART: FlowRow = {
  ...TCP_SYN,
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourceEndpoint: web,
  destinationEndpoint: cart,
}

/** Every series after one batch. */
function counted(rows: FlowRow[], remote_context = false): Record<string, number | string> {
  const connector = new RetinaMetricsConnector(
    { ...createContext('connector', 'retina_metrics'), endpoints },
    { ...LIMITS, remote_context },
  )
  connector.consume(flowBatch(rows))
  return series({ families: connector.source.families(), observe: () => {} })
}

/** Those of one metric, without the prefix of all. */
function only(all: Record<string, number | string>, metric: string): Record<string, number | string> {
  const prefix = `networkobservability_${metric}{`
  return Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length, -1), value]),
  )
}

const labels = (ip: string, name: string) =>
  `ip=${ip},namespace=shop,podname=${name}-1,workload_kind=Deployment,workload_name=${name}`
const WEB = labels('10.0.0.1', 'web')
const CART = labels('10.0.0.2', 'cart')

const retina = suite('retina_metrics')

retina('a packet between two pods of a node is sent once and received once', () => {
  const all = counted([
    { ...WEB_TO_CART, observationPoint: ObservationPoint.TO_STACK, packets: 10, bytes: 1_000 },
    { ...WEB_TO_CART, observationPoint: ObservationPoint.TO_ENDPOINT, packets: 9, bytes: 900 },
    { ...WEB_TO_CART, observationPoint: ObservationPoint.TO_NETWORK, packets: 10, bytes: 1_000 },
  ])
  assert.equal(only(all, 'adv_forward_count'), { [`direction=egress,${WEB}`]: 10, [`direction=ingress,${CART}`]: 9 })
  assert.equal(only(all, 'adv_forward_bytes'), {
    [`direction=egress,${WEB}`]: 1_000,
    [`direction=ingress,${CART}`]: 900,
  })
})

retina('remote context names both ends, and directions in capitals', () => {
  const all = counted([{ ...WEB_TO_CART, observationPoint: ObservationPoint.TO_STACK, packets: 3 }], true)
  const both = [WEB.replace(/(^|,)/g, '$1source_'), CART.replace(/(^|,)/g, '$1destination_')].join()
  assert.equal(only(all, 'adv_forward_count'), { [`direction=EGRESS,${both}`]: 3 })
})

retina('an end that nobody named is unknown', () => {
  const row = { ...WEB_TO_CART, sourceEndpoint: 0, observationPoint: ObservationPoint.TO_STACK, packets: 1 }
  const unknown = 'namespace=unknown,podname=unknown,workload_kind=unknown,workload_name=unknown'
  assert.equal(only(counted([row]), 'adv_forward_count'), { [`direction=egress,ip=10.0.0.1,${unknown}`]: 1 })
})

retina('a drop counts for the node, and for its own pods alone', () => {
  const dropped = {
    ...DROP,
    source: '10.0.0.1',
    destination: '10.0.9.9',
    sourceEndpoint: web,
    destinationEndpoint: far,
  }
  const all = counted([{ ...dropped, packets: 2, bytes: 120, direction: 2, dropReasonName: 'IPTABLE_RULE_DROP' }])
  assert.equal(only(all, 'drop_count'), { 'reason=IPTABLE_RULE_DROP,direction=egress': 2 })
  assert.equal(only(all, 'drop_bytes'), { 'reason=IPTABLE_RULE_DROP,direction=egress': 120 })
  assert.equal(only(all, 'adv_drop_count'), { [`reason=IPTABLE_RULE_DROP,direction=egress,${WEB}`]: 2 })
  assert.equal(only(all, 'adv_drop_bytes'), { [`reason=IPTABLE_RULE_DROP,direction=egress,${WEB}`]: 120 })
})

retina('flags of TCP count at the pod interface, SYN and SYN-ACK apart', () => {
  const at = { ...WEB_TO_CART, observationPoint: ObservationPoint.TO_STACK }
  const all = counted([
    { ...at, tcpFlags: TcpFlag.SYN },
    { ...at, tcpFlags: TcpFlag.SYN | TcpFlag.ACK },
    { ...at, tcpFlags: TcpFlag.FIN | TcpFlag.ACK },
    { ...at, tcpFlags: TcpFlag.RST },
    { ...at, tcpFlags: TcpFlag.ACK },
    { ...at, tcpFlags: TcpFlag.SYN, observationPoint: ObservationPoint.TO_NETWORK },
  ])
  assert.equal(only(all, 'adv_tcpflags_count'), {
    [`flag=SYN,${WEB}`]: 1,
    [`flag=SYNACK,${WEB}`]: 1,
    [`flag=FIN,${WEB}`]: 1,
    [`flag=RST,${WEB}`]: 1,
  })
})

retina('a segment sent again counts for the pods of this node at its ends', () => {
  const again = { ...WEB_TO_CART, ...{ ...SOCKET, kind: Kind.TCP_RETRANSMIT, protocol: Protocol.TCP } }
  const row = { ...again, source: '10.0.0.1', destination: '10.0.9.9', sourceEndpoint: web, destinationEndpoint: far }
  assert.equal(only(counted([row]), 'adv_tcpretrans_count'), { [`direction=egress,${WEB}`]: 1 })
})

retina('DNS messages count once for the node and for the client, with what was asked and answered', () => {
  const ends = { source: '10.0.0.1', destination: '10.0.0.2', sourceEndpoint: web, destinationEndpoint: cart }
  const back = { source: '10.0.0.2', destination: '10.0.0.1', sourceEndpoint: cart, destinationEndpoint: web }
  const all = counted([
    { ...QUERY, ...ends },
    { ...ANSWER, ...back },
  ])
  assert.equal(only(all, 'dns_request_count'), { '': 1 })
  assert.equal(only(all, 'dns_response_count'), { '': 1 })
  assert.equal(only(all, 'adv_dns_request_count'), { [`query_type=A,query=a.example.,${WEB}`]: 1 })
  const answer = 'return_code=NOERROR,query_type=A,query=a.example.,response=10.0.0.1,10.0.0.2,num_response=3'
  assert.equal(only(all, 'adv_dns_response_count'), { [`${answer},${WEB}`]: 1 })
})

retina('sockets to the API server tell its latency, those to others do not', () => {
  const socket = (kind: number, destinationEndpoint: number, more: FlowRow = {}) =>
    ({ ...SOCKET, kind, protocol: Protocol.TCP, destinationEndpoint, ...more }) as FlowRow
  const all = counted([
    socket(Kind.TCP_CONNECT, apiserver, { detail: 1_700, rttUs: 900 }),
    socket(Kind.TCP_CLOSE, apiserver, { rttUs: 2_100 }),
    socket(Kind.TCP_RETRANSMIT, apiserver),
    socket(Kind.TCP_CONNECT, far, { detail: 9_000, rttUs: 9_000 }),
    socket(Kind.TCP_RETRANSMIT, far),
  ])
  assert.equal(only(all, 'adv_node_apiserver_latency'), { '': '2/3' })
  assert.equal(only(all, 'adv_node_apiserver_tcp_handshake_latency'), { '': '1/1.7' })
  assert.equal(only(all, 'adv_node_apiserver_no_response'), { 'count=no_response': 1 })
})

retina('what does not fit goes to the overflow series and is counted', async () => {
  const context = { ...createContext('connector', 'retina_metrics'), endpoints }
  const connector = new RetinaMetricsConnector(context, { ...LIMITS, cardinality_limit: 2, remote_context: false })
  await connector.start()
  const at = { ...WEB_TO_CART, observationPoint: ObservationPoint.TO_STACK, packets: 1 }
  connector.consume(flowBatch([1, 2, 3, 4].map((n) => ({ ...at, source: `10.0.0.${n}` }))))
  const [family] = connector.source.families()
  assert.is(family?.size, 2)
  assert.is(family?.refused, 2)
  await connector.shutdown()
})

retina.run()
