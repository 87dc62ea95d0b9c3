/** Which objects of the API, for example `{ group: '', version: 'v1', plural: 'pods' }`. */
export interface Resource {
  /** API group; `''` is the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  /** Only names, labels and owners are wanted, of single objects: the server sends no more (PartialObjectMetadata). */
  readonly metadataOnly?: boolean
}

/** What narrows a resource down. */
export interface Place {
  namespace?: string
  name?: string
  /** For example `status`. */
  subresource?: string
  query?: Readonly<Record<string, string | number | boolean | undefined>>
}

/** `pods`, `leases.coordination.k8s.io`: as kubectl names it. */
export function resourceName({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`
}

/** Path and query below the server's URL. Without a namespace that of all namespaces, or of a cluster-wide resource. */
export function resourcePath({ group, version, plural }: Resource, place: Place = {}): string {
  const parts = group === '' ? ['api', version] : ['apis', group, version]
  if (place.namespace !== undefined) parts.push('namespaces', place.namespace)
  parts.push(plural)
  if (place.name !== undefined) parts.push(place.name)
  if (place.subresource !== undefined) parts.push(place.subresource)
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(place.query ?? {})) if (value !== undefined) query.set(key, String(value))
  const search = query.size === 0 ? '' : `?${query}`
  return `/${parts.map(encodeURIComponent).join('/')}${search}`
}

/** What a request needs of RBAC. */
export interface Permission {
  verb: string
  resource: Resource
  namespace: string | undefined
}

/** `list pods of apiGroup "" in all namespaces`, with what a role needs. */
export function describePermission({ verb, resource, namespace }: Permission): string {
  const plural = JSON.stringify(resource.plural)
  const rule = `{apiGroups: [${JSON.stringify(resource.group)}], resources: [${plural}], verbs: [${JSON.stringify(verb)}]}`
  const where = namespace === undefined ? 'cluster-wide' : `in namespace ${namespace}`
  return `may not ${verb} ${resourceName(resource)} ${where}: the role lacks ${rule}`
}
