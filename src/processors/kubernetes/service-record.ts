import { Protocol } from '../../flow/enums.ts'
import type { ObjectMeta } from '../../kubernetes/object.ts'
import { portKey } from './ports.ts'

const PROTOCOLS: Readonly<Record<string, number>> = { TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP }

/** What is read of a Service. */
export interface RawService {
  metadata: ObjectMeta
  spec?: {
    clusterIP?: string
    clusterIPs?: string[] | null
    externalIPs?: string[] | null
    loadBalancerIP?: string
    ports?: { port: number; nodePort?: number; protocol?: string }[] | null
  }
  status?: { loadBalancer?: { ingress?: { ip?: string }[] | null } | null }
}

/** What is kept of a service. */
export interface ServiceRecord {
  readonly namespace: string
  readonly name: string
  /** Addresses that are this service's alone. */
  readonly clusterIps: readonly string[]
  /** Addresses that services may share, and nodes may have: there the port decides. */
  readonly externalIps: readonly string[]
  /** `portKey`s at those addresses, and at every node. */
  readonly ports: readonly number[]
  readonly nodePorts: readonly number[]
  readonly createdMs: number
}

export function serviceRecord({ metadata, spec, status }: RawService): ServiceRecord {
  const ports = spec?.ports ?? []
  const clusterIps = spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : [])
  const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? [])
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    clusterIps: clusterIps.filter((address) => address !== 'None' && address !== ''),
    externalIps: [...new Set([...(spec?.externalIPs ?? []), ...ingress])],
    ports: ports.map(({ protocol, port }) => portKey(numberOf(protocol), port)),
    nodePorts: ports.flatMap(({ protocol, nodePort }) => (nodePort ? [portKey(numberOf(protocol), nodePort)] : [])),
    createdMs: Date.parse(metadata.creationTimestamp ?? '') || 0,
  }
}

/** What is read of an EndpointSlice. */
export interface RawSlice {
  metadata: ObjectMeta
  endpoints?: { addresses?: string[] | null }[] | null
  ports?: { port?: number | null; protocol?: string | null }[] | null
}

/** What is kept of a slice: the product of `addresses` and `ports` are backends of the service. */
export interface SliceRecord {
  /** `namespace/name` of the service. */
  readonly service: string
  readonly headless: boolean
  readonly addresses: readonly string[]
  /** `portKey`s. */
  readonly ports: readonly number[]
}

const SERVICE_NAME = 'kubernetes.io/service-name'
const HEADLESS = 'service.kubernetes.io/headless'

/** Undefined for a slice that is no service's. Backends that are not ready count, too: they still have connections. */
export function sliceRecord({ metadata, endpoints, ports }: RawSlice): SliceRecord | undefined {
  const service = metadata.labels?.[SERVICE_NAME]
  if (service === undefined) return undefined
  return {
    service: `${metadata.namespace ?? 'default'}/${service}`,
    headless: metadata.labels?.[HEADLESS] !== undefined,
    addresses: (endpoints ?? []).flatMap(({ addresses }) => addresses ?? []),
    ports: (ports ?? []).flatMap(({ port, protocol }) => (port ? [portKey(numberOf(protocol), port)] : [])),
  }
}

function numberOf(protocol: string | null | undefined): number {
  return PROTOCOLS[protocol ?? 'TCP'] ?? 0
}
