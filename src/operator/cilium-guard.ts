import { hasStatus } from '../kubernetes/api-error.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import type { Resource } from '../kubernetes/resource.ts'
import { LEASES, type Lease } from './leader-election.ts'

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments' }

/** Names that Cilium's chart gives; Retina's operator takes the same Lease. */
const LEASE = 'cilium-operator-resource-lock'
const DEPLOYMENT = 'cilium-operator'

/** A Lease renewed within this time has a living holder (Cilium's own renews it every few seconds; clocks may differ). */
const RECENT_MS = 60_000

/**
 * Finds a Cilium operator at work: it would collect identities that it does not know.
 * @returns how it was found, undefined when there is none
 * @throws ApiError when it may not be looked for
 */
export async function findCiliumOperator(
  client: ApiClient,
  namespace: string,
  signal: AbortSignal,
  clock: () => number = Date.now,
): Promise<string | undefined> {
  const lease = await found(client.get<Lease>(LEASES, { namespace, name: LEASE }, signal))
  const { holderIdentity = '', renewTime = '' } = lease?.spec ?? {}
  if (holderIdentity !== '' && clock() - Date.parse(renewTime) < RECENT_MS)
    return `lease ${namespace}/${LEASE}, renewed by ${holderIdentity} at ${renewTime}`
  const place = { namespace, name: DEPLOYMENT }
  const deployment = await found(client.get<{ status?: { readyReplicas?: number } }>(DEPLOYMENTS, place, signal))
  const ready = deployment?.status?.readyReplicas ?? 0
  return ready > 0 ? `deployment ${namespace}/${DEPLOYMENT} with ${ready} ready replicas` : undefined
}

async function found<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking
  } catch (error) {
    if (hasStatus(error, 404)) return undefined
    throw error
  }
}
