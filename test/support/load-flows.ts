import type { FlowBatch } from '../../src/flow/batch.ts'
import { type EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { Verdict } from '../../src/flow/enums.ts'

/** Flows by their numbers (see `flowNumber`), and clients that want different ones of them. */

const PODS = 64
const PORTS = 50
const DROPPED = 10

/** A client's filter, and which flows it is about. */
export interface LoadFilter {
  /** `flow.FlowFilter` of the whitelist. */
  filter: object
  /** The same as arguments of `hubble observe`; undefined where the CLI has none. */
  args?: readonly string[]
  matches(number: number): boolean
}

/** Filters of 46 clients that ask for a small part of the flows each, by pods, labels, ports, verdicts and expressions. */
export const LOAD_FILTERS: readonly LoadFilter[] = [
  ...upTo(18).map((pod) => ({
    filter: { destination_pod: [`shop/cart-${pod}-`] },
    args: ['--to-pod', `shop/cart-${pod}-`],
    matches: (number: number) => number % PODS === pod,
  })),
  ...upTo(16).map((port) => ({
    filter: { destination_port: [String(8_000 + port)], protocol: ['tcp'] },
    args: ['--to-port', String(8_000 + port), '--protocol', 'tcp'],
    matches: (number: number) => number % PORTS === port,
  })),
  ...upTo(8).map((version) => ({
    filter: { destination_label: [`version=${20 + version}`] },
    args: ['--to-label', `version=${20 + version}`],
    matches: (number: number) => number % PODS === 20 + version,
  })),
  ...upTo(2).map((port) => ({
    filter: { verdict: [Verdict.DROPPED], destination_port: [String(8_000 + 10 * port)] },
    args: ['--verdict', 'DROPPED', '--to-port', String(8_000 + 10 * port)],
    matches: (number: number) => number % PORTS === 10 * port,
  })),
  ...upTo(2).map((port) => ({
    filter: { experimental: { cel_expression: [`_flow.l4.TCP.destination_port == ${8_020 + port}u`] } },
    args: ['--cel-expression', `_flow.l4.TCP.destination_port == ${8_020 + port}u`],
    matches: (number: number) => number % PORTS === 20 + port,
  })),
]

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/** Ids of the pods that flows go to. */
export function loadPods(table: EndpointTable): number[] {
  return upTo(PODS).map((pod) =>
    table.add(
      endpoint({
        identity: 10_000 + pod,
        namespace: 'shop',
        podName: `cart-${pod}-abcde`,
        labels: ['k8s:app=cart', 'k8s:io.kubernetes.pod.namespace=shop', `k8s:version=${pod}`],
        workloads: [{ name: 'cart', kind: 'Deployment' }],
      }),
    ),
  )
}

/** Makes numbered flows those that the filters are about. @param from number of the first */
export function dressLoad({ columns, length }: FlowBatch, from: number, pods: readonly number[]): void {
  const { destinationEndpoint, destinationPort, verdict } = columns
  for (let row = 0; row < length; row++) {
    const number = from + row
    destinationEndpoint[row] = pods[number % PODS]!
    destinationPort[row] = 8_000 + (number % PORTS)
    verdict[row] = number % DROPPED === 0 ? Verdict.DROPPED : Verdict.FORWARDED
  }
}
