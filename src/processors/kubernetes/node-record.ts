import ipaddr from 'ipaddr.js'
import type { ObjectMeta } from '../../kubernetes/object.ts'

/** What is read of a Node. */
export interface RawNode {
  metadata: ObjectMeta
  spec?: { podCIDR?: string; podCIDRs?: string[] | null }
  status?: { addresses?: { type: string; address: string }[] | null }
}

/** What is kept of a node. */
export interface NodeRecord {
  readonly name: string
  /** Addresses of the machine; the first InternalIP comes first. */
  readonly addresses: readonly string[]
  readonly podCidrs: readonly string[]
  readonly zone: string
  /** `key=value`, sorted; only of this agent's own node. */
  readonly labels: readonly string[]
  readonly createdMs: number
}

const ZONE = 'topology.kubernetes.io/zone'
const OLD_ZONE = 'failure-domain.beta.kubernetes.io/zone'

/** Annotations in which networks write the address of the node's tunnel device, from which its packets come. */
const TUNNEL_ANNOTATIONS = [
  'projectcalico.org/IPv4VXLANTunnelAddr',
  'projectcalico.org/IPv6VXLANTunnelAddr',
  'projectcalico.org/IPv4IPIPTunnelAddr',
  'projectcalico.org/IPv4WireguardInterfaceAddr',
  'flannel.alpha.coreos.com/public-ip',
]

/** @param own name of this agent's node */
export function nodeRecord({ metadata, spec, status }: RawNode, own: string): NodeRecord {
  const labels = metadata.labels ?? {}
  const podCidrs = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : [])
  const listed = [...(status?.addresses ?? [])].sort((a, b) => rank(a.type) - rank(b.type))
  const tunnels = TUNNEL_ANNOTATIONS.flatMap((key) => metadata.annotations?.[key] ?? [])
  const addresses = [...listed.map(({ address }) => address), ...tunnels, ...podCidrs.flatMap(bridgeAddresses)]
  return {
    name: metadata.name,
    addresses: [...new Set(addresses)].filter((address) => ipaddr.isValid(address)),
    podCidrs,
    zone: labels[ZONE] ?? labels[OLD_ZONE] ?? '',
    labels:
      metadata.name === own
        ? Object.entries(labels)
            .map(([key, value]) => `${key}=${value}`)
            .sort()
        : [],
    createdMs: Date.parse(metadata.creationTimestamp ?? '') || 0,
  }
}

function rank(type: string): number {
  return type === 'InternalIP' ? 0 : 1
}

/**
 * The network's own address and the one after it: the node's VXLAN device and bridge have them (flannel, bridge, kubenet). A pod
 * that has one of them after all takes it over.
 */
function bridgeAddresses(cidr: string): string[] {
  if (!ipaddr.isValidCIDR(cidr)) return []
  const [address, bits] = ipaddr.parseCIDR(cidr)
  const bytes = address.toByteArray()
  if (8 * bytes.length - bits < 2) return []
  const first = [...bytes]
  first[first.length - 1]! |= 1
  return [bytes, first].map((list) => ipaddr.fromByteArray(list).toString())
}
