/** What every object of the API has, as it comes over the wire; only what is read here. */
export interface KubeObject {
  metadata: ObjectMeta
}

export interface ObjectMeta {
  name: string
  namespace?: string
  uid: string
  resourceVersion: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  /** RFC 3339. */
  creationTimestamp?: string
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
}

/** One page of a list. */
export interface ObjectList<Raw> {
  metadata: { resourceVersion: string; continue?: string }
  /** Go writes an empty list as null in places. */
  items: Raw[] | null
}

/** One line of a watch. */
export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: unknown
}

/** `namespace/name`, or the name alone of a cluster-wide object. */
export function objectKey({ namespace, name }: Pick<ObjectMeta, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}
