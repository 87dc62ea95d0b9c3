import type { ObjectMeta } from './object.ts'
import type { Resource } from './resource.ts'

/** Cilium's objects as far as they are read and written here (pkg/k8s/apis/cilium.io/v2, v2alpha1 of Cilium 1.19). */

export const IDENTITIES: Resource = { group: 'cilium.io', version: 'v2', plural: 'ciliumidentities' }
export const ENDPOINTS: Resource = { group: 'cilium.io', version: 'v2', plural: 'ciliumendpoints' }
export const ENDPOINT_SLICES: Resource = { group: 'cilium.io', version: 'v2alpha1', plural: 'ciliumendpointslices' }

export interface CiliumIdentity {
  apiVersion: 'cilium.io/v2'
  kind: 'CiliumIdentity'
  metadata: Partial<ObjectMeta> & { name: string }
  'security-labels': Record<string, string>
}

/** Addresses of a pod: Cilium has one pair for each. */
export interface AddressPair {
  ipv4?: string
  ipv6?: string
}

export interface Networking {
  addressing: AddressPair[]
  /** Address of the node. */
  node?: string
}

/** A port that a container gives a name. */
export interface NamedPort {
  name: string
  port: number
  protocol: string
}

export interface CiliumEndpoint {
  apiVersion: 'cilium.io/v2'
  kind: 'CiliumEndpoint'
  metadata: Partial<ObjectMeta> & { name: string; namespace: string }
  status?: {
    /** Number of the endpoint on its node: `ID` of the ends of Hubble's flows. */
    id?: number
    state?: string
    identity?: { id?: number; labels?: string[] }
    networking?: Networking | null
    'named-ports'?: NamedPort[]
    'service-account'?: string
  }
}

/** An endpoint inside a slice. */
export interface CoreEndpoint {
  name: string
  /** Number of the identity. */
  id: number
  networking: Networking
  'named-ports'?: NamedPort[]
  'service-account'?: string
}

export interface CiliumEndpointSlice {
  apiVersion: 'cilium.io/v2alpha1'
  kind: 'CiliumEndpointSlice'
  metadata: Partial<ObjectMeta> & { name: string }
  namespace: string
  endpoints: CoreEndpoint[]
}

/** Addresses as pairs: the first IPv4 with the first IPv6, and so on. */
export function addressPairs(addresses: readonly string[]): AddressPair[] {
  const v6 = addresses.filter((address) => address.includes(':'))
  const v4 = addresses.filter((address) => !address.includes(':'))
  return Array.from({ length: Math.max(v4.length, v6.length) }, (_, i) => ({
    ...(v4[i] === undefined ? {} : { ipv4: v4[i] }),
    ...(v6[i] === undefined ? {} : { ipv6: v6[i] }),
  }))
}
