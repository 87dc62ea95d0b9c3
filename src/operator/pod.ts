import { createHash } from 'node:crypto'
import type { LabelFilter } from '../kubernetes/label-filter.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import { type Labels, podLabels } from '../kubernetes/security-labels.ts'

/** What is read of a Pod. */
export interface RawPod {
  metadata: ObjectMeta
  spec: { nodeName?: string; serviceAccountName?: string; hostNetwork?: boolean }
  status?: { phase?: string; podIP?: string; podIPs?: { ip: string }[] | null; hostIP?: string }
}

/** What is kept of a pod that has an endpoint of its own. */
export interface Pod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Labels that make its identity. */
  readonly labels: Labels
  readonly serviceAccount: string
  /** Address of its node; `''` = not known. */
  readonly hostIp: string
  readonly addresses: readonly string[]
}

/**
 * A pod as far as it is an endpoint; undefined for one that is none: without an address yet, ended, or on the node's own network
 * (there it is the host).
 */
export function podOf({ metadata, spec, status }: RawPod, filter: LabelFilter): Pod | undefined {
  const addresses = (status?.podIPs ?? []).map(({ ip }) => ip)
  if (addresses.length === 0 && status?.podIP) addresses.push(status.podIP)
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  if (spec.hostNetwork === true || addresses.length === 0 || ended) return undefined
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    uid: metadata.uid,
    labels: podLabels(metadata.labels ?? {}, filter),
    serviceAccount: spec.serviceAccountName ?? '',
    hostIp: status?.hostIP ?? '',
    addresses,
  }
}

/**
 * Number of the endpoint on its node, 1–65,535: a hash of the pod's uid, so that it stays over a restart. Two pods of a node may
 * share one (one node in ten with 110 pods has such a pair); nothing is looked up by it.
 */
export function endpointId({ uid }: Pod): number {
  return 1 + (createHash('sha1').update(uid).digest().readUInt32BE(0) % 65_535)
}
