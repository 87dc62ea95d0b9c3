import { networkInterfaces } from 'node:os'
import { formatEndpoint, parseEndpoint } from '../../pipeline/endpoint.ts'
import type { HubbleConfig } from './config.ts'

/**
 * Where hubble-relay reaches this node: the configured address, else the endpoint's host, else the one the cluster knows, else
 * this machine's first address.
 */
export function advertisedAddress(
  config: HubbleConfig,
  bound: string,
  known: string | undefined,
  hosts = machineAddresses,
): string {
  if (config.advertise_address !== '') return config.advertise_address
  if (bound === '') return `unix://${config.unix_socket.path}`
  const { host, port } = parseEndpoint(bound)
  if (!['', '0.0.0.0', '::'].includes(host)) return formatEndpoint({ host, port })
  return formatEndpoint({ host: known || (hosts()[0] ?? '127.0.0.1'), port })
}

/** Addresses of the interfaces that others may reach, IPv4 first. */
function machineAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const usable = all.filter((info) => !info.internal && !info.address.startsWith('fe80:'))
  const v4First = [
    ...usable.filter((info) => info.family === 'IPv4'),
    ...usable.filter((info) => info.family === 'IPv6'),
  ]
  return v4First.map((info) => info.address)
}
