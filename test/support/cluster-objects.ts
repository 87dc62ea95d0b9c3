import { openAccess } from '../../src/kubernetes/access.ts'
import { hasStatus } from '../../src/kubernetes/api-error.ts'
import {
  type CiliumEndpoint,
  type CiliumEndpointSlice,
  type CiliumIdentity,
  ENDPOINT_SLICES,
  ENDPOINTS,
  IDENTITIES,
} from '../../src/kubernetes/cilium.ts'
import { ApiClient } from '../../src/kubernetes/client.ts'
import type { ObjectList, ObjectMeta } from '../../src/kubernetes/object.ts'
import type { Resource } from '../../src/kubernetes/resource.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'
import type { Cluster } from './cluster.ts'
import { eventually } from './eventually.ts'

export const PODS: Resource = { group: '', version: 'v1', plural: 'pods' }
export const NODES: Resource = { group: '', version: 'v1', plural: 'nodes' }
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces' }

export interface TestPod {
  namespace?: string
  name: string
  labels?: Record<string, string>
  node?: string
  hostNetwork?: boolean
  /** Set, the test plays kubelet: the pod runs with these addresses. */
  addresses?: readonly string[]
  ports?: readonly { name?: string; containerPort: number; protocol?: string }[]
}

/** A cluster's objects as admin, without kubectl's 100 ms for each call. */
export class ClusterObjects {
  readonly client: ApiClient

  private constructor(client: ApiClient) {
    this.client = client
  }

  static async open(cluster: Cluster): Promise<ClusterObjects> {
    const access = await openAccess({ kubeconfig: cluster.kubeconfig })
    return new ClusterObjects(new ApiClient(access, { telemetry: new Telemetry(), userAgent: 'fovea-test' }))
  }

  close(): void {
    this.client.access.close()
  }

  async namespace(name: string, labels: Record<string, string> = {}): Promise<void> {
    await this.client.create(NAMESPACES, {}, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  }

  /** @returns its uid */
  async pod({
    namespace = 'default',
    name,
    labels = {},
    node = 'node-1',
    hostNetwork,
    addresses,
    ports = [],
  }: TestPod): Promise<string> {
    const spec = { nodeName: node, serviceAccountName: 'default', containers: [{ name: 'c', image: 'i', ports }] }
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: { ...spec, hostNetwork } }
    const created = await this.client.create<{ metadata: ObjectMeta }>(PODS, { namespace }, object)
    if (addresses !== undefined) await this.run(namespace, name, addresses)
    return created.metadata.uid
  }

  /** Gives a pod its addresses, as kubelet does. */
  async run(namespace: string, name: string, addresses: readonly string[]): Promise<void> {
    const podIPs = addresses.map((ip) => ({ ip }))
    const host = { hostIP: '10.0.0.1', hostIPs: [{ ip: '10.0.0.1' }] }
    const status = { phase: 'Running', ...host, podIP: addresses[0], podIPs }
    await this.client.merge(PODS, { namespace, name, subresource: 'status' }, { status })
  }

  async deletePod(namespace: string, name: string): Promise<void> {
    await this.client.delete(PODS, { namespace, name }, { gracePeriodSeconds: 0 })
  }

  /** Waits for a resource whose definition is so new that the API server still says 429. */
  list<T>(resource: Resource): Promise<T[]> {
    return eventually(`a list of ${resource.plural}`, async () => {
      try {
        return (await this.client.list<ObjectList<T>>(resource, {})).items ?? []
      } catch (error) {
        if (hasStatus(error, 429)) return undefined
        throw error
      }
    })
  }

  identities(): Promise<(CiliumIdentity & { metadata: ObjectMeta })[]> {
    return this.list(IDENTITIES)
  }

  endpoints(): Promise<(CiliumEndpoint & { metadata: ObjectMeta })[]> {
    return this.list(ENDPOINTS)
  }

  slices(): Promise<(CiliumEndpointSlice & { metadata: ObjectMeta })[]> {
    return this.list(ENDPOINT_SLICES)
  }

  /** Identity number of each pod (`namespace/name`) that has an endpoint. */
  async numbers(): Promise<Record<string, number>> {
    const pairs = (await this.endpoints()).map(({ metadata, status }) => [
      `${metadata.namespace}/${metadata.name}`,
      status?.identity?.id ?? 0,
    ])
    return Object.fromEntries(pairs.sort())
  }
}
