import type { ApiClient } from '../kubernetes/client.ts'
import type { KubeObject, ObjectList } from '../kubernetes/object.ts'
import type { Resource } from '../kubernetes/resource.ts'
import { LEASES, type Lease } from './leader-election.ts'

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments' }

/** Cilium compiles this name in (operator/cmd/root.go), in whatever namespace it runs; Retina's operator takes the same Lease. */
const LEASE = 'cilium-operator-resource-lock'
/** Name that Cilium's chart gives. */
const DEPLOYMENT = 'cilium-operator'

/** A Lease renewed within this time has a living holder (Cilium's own renews it every few seconds; clocks may differ). */
const RECENT_MS = 60_000

interface Deployment extends KubeObject {
  spec: { replicas?: number }
  status?: { readyReplicas?: number }
}

/**
 * Finds a Cilium operator at work, or about to be, in any namespace: it would collect identities that it does not know.
 * @returns how it was found, undefined when there is none
 * @throws ApiError when it may not be looked for
 */
export async function findCiliumOperator(
  client: ApiClient,
  signal: AbortSignal,
  clock: () => number = Date.now,
): Promise<string | undefined> {
  for (const { metadata, spec } of await named<Lease & KubeObject>(client, LEASES, LEASE, signal)) {
    const { holderIdentity = '', renewTime = '' } = spec
    if (holderIdentity !== '' && clock() - Date.parse(renewTime) < RECENT_MS)
      return `lease ${metadata.namespace}/${LEASE}, renewed by ${holderIdentity} at ${renewTime}`
  }
  for (const { metadata, spec, status } of await named<Deployment>(client, DEPLOYMENTS, DEPLOYMENT, signal)) {
    const { replicas = 0 } = spec
    // One that is starting or in trouble comes back.
    if (replicas > 0)
      return `deployment ${metadata.namespace}/${DEPLOYMENT} of ${replicas} replicas, ${status?.readyReplicas ?? 0} ready`
  }
  return undefined
}

/** Objects of this name in all namespaces; a role that names it permits just that. */
async function named<T>(client: ApiClient, resource: Resource, name: string, signal: AbortSignal): Promise<T[]> {
  const query = { fieldSelector: `metadata.name=${name}` }
  return (await client.list<ObjectList<T>>(resource, { query }, signal)).items ?? []
}
