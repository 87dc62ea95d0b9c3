import { type Endpoint, type EndpointTable, endpoint } from '../../src/flow/endpoint.ts'

/** Ids of pods with the labels that pods have. @param more of each, by its number */
export function labelledPods(
  table: EndpointTable,
  count: number,
  more: (i: number) => Partial<Endpoint> = () => ({}),
): number[] {
  return Array.from({ length: count }, (_, i) =>
    table.add(
      endpoint({
        identity: 10_000 + i,
        localId: i + 1,
        namespace: 'shop',
        podName: `cart-5d9c7b8f4-${i}`,
        labels: ['k8s:app=cart', 'k8s:io.kubernetes.pod.namespace=shop', `k8s:version=${i}`],
        workloads: [{ name: 'cart', kind: 'Deployment' }],
        clusterName: 'default',
        ...more(i),
      }),
    ),
  )
}
