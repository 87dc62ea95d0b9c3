import type { InterfaceCounts } from '../../../native/node-statistics.ts'
import type { InfinibandStatistics } from './infiniband.ts'
import type { ProtocolStatistic } from './proc-net.ts'

/** What was read of a node at one time. A part is absent when it is switched off, not there, or could not be read. */
export interface NodeReading {
  interfaces?: readonly InterfaceCounts[]
  drivers?: readonly DriverReading[]
  tcp?: TcpReading
  /** `snmp`, `snmp6` and `netstat`. */
  protocols?: readonly ProtocolStatistic[]
  /** `sockstat` and `sockstat6`. */
  sockets?: readonly ProtocolStatistic[]
  conntrack?: ConntrackReading
  infiniband?: InfinibandStatistics
}

export interface DriverReading {
  interfaceName: string
  statistics: readonly { name: string; value: number }[]
}

export interface TcpReading {
  /** Sockets by state: linux/tcp_states.h. */
  ipv4: Float64Array
  ipv6: Float64Array
  /** Sockets by address of the other end; absent when not asked for. */
  peers?: ReadonlyMap<string, number>
  /** Sockets of addresses beyond the limit. */
  otherPeers: number
}

export interface ConntrackReading {
  entries: number
  /** 0 = no limit; absent where the kernel does not tell. */
  max?: number
  /** Counters by CTA_STATS_ number; none without CAP_NET_ADMIN. */
  cpus: readonly { cpu: number; counts: Float64Array }[]
}
