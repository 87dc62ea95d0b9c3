import type { Workload } from '../../flow/endpoint.ts'
import type { ObjectMeta } from '../../kubernetes/object.ts'

/** A workload as the pod itself tells it. */
export interface PodWorkload {
  workload: Workload
  /** Set where only the API server knows who is behind it. */
  unresolved: string
}

/** Label that a Deployment puts on the pods of its ReplicaSets; the name of the ReplicaSet ends in it. */
const HASH_LABEL = 'pod-template-hash'

/**
 * The workload behind a pod: its controller, or the pod itself. A ReplicaSet whose name ends in the template's hash is a
 * Deployment's. Any other ReplicaSet, and every Job, may belong to something: that has to be asked for.
 */
export function workloadOf({ name, labels, ownerReferences }: ObjectMeta): PodWorkload {
  const owner = ownerReferences?.find(({ controller }) => controller === true) ?? ownerReferences?.[0]
  // The pods that kubelet itself starts from files name their node as owner.
  if (owner === undefined || owner.kind === 'Node') return { workload: { name, kind: 'Pod' }, unresolved: '' }
  const hash = labels?.[HASH_LABEL]
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return { workload: { name: owner.name.slice(0, -hash.length - 1), kind: 'Deployment' }, unresolved: '' }
  }
  const workload = { name: owner.name, kind: owner.kind }
  return { workload, unresolved: owner.kind === 'ReplicaSet' || owner.kind === 'Job' ? owner.name : '' }
}
