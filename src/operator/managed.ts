import type { ObjectMeta } from '../kubernetes/object.ts'

/**
 * Marks what this operator made; everything else is Cilium's and left alone. An annotation, since Cilium copies the labels of pods
 * onto its own objects: a pod must not be able to hand them over.
 */
export const MANAGED_BY = 'fovea.dev/managed-by'
export const MANAGER = 'fovea-operator'

/** For `kubectl -l`; nothing is decided by it. */
const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'

/** Whether this operator made the object. */
export function isOurs(metadata: Pick<ObjectMeta, 'annotations'>): boolean {
  return metadata.annotations?.[MANAGED_BY] === MANAGER
}

/** Annotations and labels of what this operator makes. */
export function marks(labels: Readonly<Record<string, string>> = {}): Pick<ObjectMeta, 'annotations' | 'labels'> {
  return { annotations: { [MANAGED_BY]: MANAGER }, labels: { [MANAGED_BY_LABEL]: MANAGER, ...labels } }
}
