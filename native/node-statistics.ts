import { loadAddon } from './addon.ts'
import type { InterfaceRole } from './capture.ts'

/** What is asked for; a part that is absent or 0 is left out. */
export interface StatisticsParts {
  sockets?: boolean
  /** Most addresses of other ends told apart. */
  maxPeers?: number
  maxInterfaces?: number
  /** Most statistics of one driver. */
  maxDriverStatistics?: number
  conntrack?: boolean
}

/** What the kernel refused: 0 and `''` = nothing. */
export interface Refusal {
  errno: number
  error: string
}

/** Every TCP socket of the namespace (inet_diag). */
export interface SocketCounts extends Refusal {
  /** By state, as linux/tcp_states.h numbers them: ESTABLISHED is 1, LISTEN 10. */
  ipv4: Float64Array
  ipv6: Float64Array
  /** Addresses of the other ends, 16 bytes each; IPv4 mapped into IPv6. */
  peers: Uint8Array
  /** Sockets per address. */
  peerCounts: Float64Array
  /** Sockets of addresses beyond `maxPeers`. */
  otherPeers: number
}

/** An interface as rtnetlink tells it. */
export interface InterfaceCounts {
  name: string
  /** IFLA_INFO_KIND: `veth`, `bridge`, …; `''` for hardware. */
  kind: string
  role: InterfaceRole
  /** The members of `struct rtnl_link_stats64` (linux/if_link.h) in their order: {@link LINK_STATISTICS}. */
  counts: Float64Array
}

export interface InterfaceList extends Refusal {
  list: InterfaceCounts[]
  /** Interfaces beyond `maxInterfaces`. */
  leftOut: number
}

/** What `ethtool -S` shows of one interface. */
export interface DriverCounts extends Refusal {
  /** The interface. */
  name: string
  names: string[]
  values: Float64Array
  /** Statistics beyond `maxDriverStatistics`. */
  leftOut: number
}

/** nfnetlink's view of the connection tracking table. */
export interface ConntrackCounts extends Refusal {
  entries: number
  /** Absent before Linux 4.18. */
  maxEntries?: number
  /** 32-bit counters by CTA_STATS_ number (linux/netfilter/nfnetlink_conntrack.h). */
  cpus: { cpu: number; counts: Float64Array }[]
}

export interface NodeCounts {
  sockets?: SocketCounts
  interfaces?: InterfaceList
  /** Interfaces that have statistics, or refused to tell them. */
  drivers: DriverCounts[]
  conntrack?: ConntrackCounts
}

export interface NodeStatistics {
  /** Asks on another thread; readings wait for each other. What the kernel refuses is told in the answer. */
  read(parts: StatisticsParts): Promise<NodeCounts>
  /** Lets the sockets go, once a reading that is under way has ended; `read` throws from now on. */
  close(): void
}

/** Members of `struct rtnl_link_stats64`, in order. */
export const LINK_STATISTICS = [
  'rx_packets',
  'tx_packets',
  'rx_bytes',
  'tx_bytes',
  'rx_errors',
  'tx_errors',
  'rx_dropped',
  'tx_dropped',
  'multicast',
  'collisions',
  'rx_length_errors',
  'rx_over_errors',
  'rx_crc_errors',
  'rx_frame_errors',
  'rx_fifo_errors',
  'rx_missed_errors',
  'tx_aborted_errors',
  'tx_carrier_errors',
  'tx_fifo_errors',
  'tx_heartbeat_errors',
  'tx_window_errors',
  'rx_compressed',
  'tx_compressed',
  'rx_nohandler',
  'rx_otherhost_dropped',
] as const

export type LinkStatistic = (typeof LINK_STATISTICS)[number]

/**
 * Statistics of a network namespace.
 * @param networkNamespace path (`/proc/1/ns/net`), which needs CAP_SYS_ADMIN; `''` = that of this process
 * @throws Error that names the path, or says how to build the addon
 */
export function openNodeStatistics(networkNamespace = ''): NodeStatistics {
  return new (loadAddon().NodeStatistics)(networkNamespace)
}
