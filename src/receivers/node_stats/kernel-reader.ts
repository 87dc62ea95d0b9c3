import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ConntrackCounts,
  type DriverCounts,
  type InterfaceCounts,
  type InterfaceList,
  type NodeStatistics,
  openNodeStatistics,
  type SocketCounts,
} from '../../../native/node-statistics.ts'
import { addressTextAt } from '../../flow/address.ts'
import type { NodeStatsConfig } from './config.ts'
import type { HostPaths } from './host-paths.ts'
import { namePatterns } from './name-patterns.ts'
import type { ReadFailures } from './read-failures.ts'
import type { ConntrackReading, DriverReading, NodeReading, TcpReading } from './reading.ts'
import { WrappedCounters } from './wrapped-counters.ts'

/** More interfaces than a node has: 250 pods with a few each. */
const MAX_INTERFACES = 4_096

const ADDRESS_BYTES = 16

/** What the kernel tells through sockets: interfaces, drivers, TCP sockets, connection tracking. */
export class KernelReader {
  /** Interfaces and driver statistics beyond their limits at the last reading. */
  leftOut = 0
  readonly #config: NodeStatsConfig
  readonly #paths: HostPaths
  readonly #failures: ReadFailures
  readonly #isIncluded: (name: string) => boolean
  readonly #isExcluded: (name: string) => boolean
  readonly #isStatistic: (name: string) => boolean
  readonly #events = new WrappedCounters()
  #kernel: NodeStatistics | undefined

  constructor(config: NodeStatsConfig, paths: HostPaths, failures: ReadFailures) {
    const { include, exclude } = config.interfaces
    this.#config = config
    this.#paths = paths
    this.#failures = failures
    this.#isIncluded = namePatterns(include)
    this.#isExcluded = exclude.length === 0 ? () => false : namePatterns(exclude)
    this.#isStatistic = namePatterns(config.driver.statistics)
  }

  /** Opens the sockets; where that fails nothing is read. */
  open(): void {
    try {
      this.#kernel = openNodeStatistics(this.#paths.networkNamespace)
    } catch (cause) {
      this.#failures.thrown('netlink', 'interfaces, sockets and connection tracking', cause)
    }
  }

  close(): void {
    this.#kernel?.close()
    this.#kernel = undefined
  }

  async read(): Promise<NodeReading> {
    const { interfaces, driver, tcp, conntrack } = this.#config
    this.leftOut = 0
    if (this.#kernel === undefined) return {}
    // Asked on a machine that has no connection tracking, nfnetlink would load its modules.
    const tracks = conntrack.enabled && (await exists(join(this.#paths.netfilter, 'nf_conntrack_count')))
    const counts = await this.#kernel.read({
      sockets: tcp.enabled,
      maxPeers: tcp.remote_addresses,
      maxInterfaces: interfaces.enabled ? MAX_INTERFACES : 0,
      maxDriverStatistics: interfaces.enabled && driver.enabled ? driver.max_statistics : 0,
      conntrack: tracks,
    })
    const list = counts.interfaces && this.#interfaces(counts.interfaces)
    return {
      ...(list && { interfaces: list, drivers: this.#drivers(counts.drivers, list) }),
      ...(counts.sockets && this.#tcp(counts.sockets)),
      ...(counts.conntrack && (await this.#conntrack(counts.conntrack))),
    }
  }

  #interfaces({ errno, list, leftOut }: InterfaceList): InterfaceCounts[] | undefined {
    if (errno !== 0) {
      this.#failures.refused('interfaces', 'interfaces', errno)
      return undefined
    }
    this.leftOut += leftOut
    const { pods } = this.#config.interfaces
    return list.filter(
      ({ name, role }) => this.#isIncluded(name) && !this.#isExcluded(name) && (pods || role !== 'endpoint'),
    )
  }

  #drivers(drivers: readonly DriverCounts[], told: readonly InterfaceCounts[]): DriverReading[] {
    const wanted = new Set(told.map(({ name }) => name))
    const readings: DriverReading[] = []
    for (const { name, errno, names, values, leftOut } of drivers) {
      if (!wanted.has(name)) continue
      if (errno !== 0) this.#failures.refused('driver', `driver statistics of ${name}`, errno)
      this.leftOut += leftOut
      const statistics = names.flatMap((of, i) => (this.#isStatistic(of) ? [{ name: of, value: values[i]! }] : []))
      readings.push({ interfaceName: name, statistics })
    }
    return readings
  }

  #tcp(sockets: SocketCounts): { tcp?: TcpReading } {
    const { errno, ipv4, ipv6, otherPeers } = sockets
    if (errno !== 0) {
      this.#failures.refused('tcp', 'TCP sockets', errno, 'the kernel needs inet_diag and tcp_diag')
      return {}
    }
    const peers = this.#config.tcp.remote_addresses > 0 ? peersOf(sockets) : undefined
    return { tcp: { ipv4, ipv6, otherPeers, ...(peers && { peers }) } }
  }

  async #conntrack({
    errno,
    entries,
    maxEntries,
    cpus: told,
  }: ConntrackCounts): Promise<{ conntrack?: ConntrackReading }> {
    // Below a flood one of them comes around within the hour.
    const cpus = told.map(({ cpu, counts }) => ({ cpu, counts: this.#events.extend(cpu, counts) }))
    if (errno === 0 && maxEntries !== undefined) return { conntrack: { entries, max: maxEntries, cpus } }
    if (errno !== 0)
      this.#failures.refused('conntrack', 'counters of connection tracking', errno, 'give it CAP_NET_ADMIN')
    // sysctls tell of the namespace of whoever opens them.
    if (this.#paths.networkNamespace !== '') return errno === 0 ? { conntrack: { entries, cpus } } : {}
    try {
      return { conntrack: { entries: await this.#sysctl('count'), max: await this.#sysctl('max'), cpus } }
    } catch (cause) {
      this.#failures.thrown('conntrack', 'the size of the connection tracking table', cause)
      return {}
    }
  }

  async #sysctl(name: string): Promise<number> {
    return Number(await readFile(join(this.#paths.netfilter, `nf_conntrack_${name}`), 'utf8'))
  }
}

/** Sockets by address; an address in both families (IPv4 mapped into IPv6) is one. */
function peersOf({ peers, peerCounts }: SocketCounts): Map<string, number> {
  const counts = new Map<string, number>()
  for (let i = 0; i < peerCounts.length; i++) counts.set(addressTextAt(peers, i * ADDRESS_BYTES), peerCounts[i]!)
  return counts
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
