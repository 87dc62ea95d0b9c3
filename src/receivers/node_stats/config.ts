import type { ConfigSpec } from '../../pipeline/component.ts'

/** Settings of the `node_stats` receiver. Durations in milliseconds. */
export interface NodeStatsConfig {
  names: 'otel' | 'retina'
  collection_interval: number
  root_path: string
  interfaces: { enabled: boolean; include: string[]; exclude: string[]; pods: boolean }
  driver: { enabled: boolean; statistics: string[]; max_statistics: number }
  tcp: { enabled: boolean; remote_addresses: number }
  protocols: { enabled: boolean; statistics: string[] }
  conntrack: { enabled: boolean; per_cpu: boolean }
  infiniband: { enabled: boolean }
  cardinality_limit: number
}

const enabled = (doc: string) => ({ doc, format: Boolean, default: true })

/** What tells of loss and load; the rest (some 300 of a kernel of today) is for those who ask for it. */
const PROTOCOL_STATISTICS: readonly string[] = [
  ...['Ip.In*', 'Ip.Out*', 'Ip.Forw*', 'Ip.*Fails', 'Ip6.In*', 'Ip6.Out*', 'Ip6.*Fails'],
  ...['IpExt.*Octets', 'IpExt.*Errors', 'IpExt.InNoRoutes', 'IpExt.InTruncatedPkts'],
  ...['Icmp.*Msgs', 'Icmp.*Errors', 'Icmp.*Unreachs', 'Icmp6.*Msgs', 'Icmp6.*Errors', 'Icmp6.*Unreachs'],
  ...['Tcp.*', 'Udp.*', 'Udp6.*', 'TcpExt.*Drop*', 'TcpExt.*Overflows', 'TcpExt.*Retrans*', 'TcpExt.*Timeouts'],
  ...['TcpExt.Syncookies*', 'TcpExt.*Prune*', 'TcpExt.TCPAbort*', 'TcpExt.TCPLoss*', 'TcpExt.LockDroppedIcmps'],
  ...['TcpExt.TCPReqQFull*', 'TcpExt.TCPMemoryPressures', 'TcpExt.TCPOFO*', 'TcpExt.*Errors'],
  ...['MPTcpExt.MPCapable*', 'MPTcpExt.*Drop', 'MPTcpExt.MPFail*', 'MPTcpExt.DataCsumErr', 'MPTcpExt.Retrans'],
]

export const nodeStatsConfig: ConfigSpec<NodeStatsConfig> = {
  schema: {
    names: {
      doc: "otel: OpenTelemetry's names; retina: Retina's names and labels, for its dashboards",
      format: ['otel', 'retina'],
      default: 'otel',
    },
    collection_interval: {
      doc: 'least time between two readings; who reads out sooner gets the numbers of the last one',
      format: 'duration',
      default: '1s',
    },
    root_path: {
      doc: "where the host's file system is mounted (/host): the host's network namespace is read; empty = that of this process",
      format: String,
      default: '',
    },
    interfaces: {
      enabled: enabled('packets, bytes, errors and drops of interfaces'),
      include: {
        doc: 'shell patterns: only interfaces that match; empty = all',
        format: 'string-list',
        default: [] as string[],
      },
      exclude: { doc: 'shell patterns: never these', format: 'string-list', default: [] as string[] },
      pods: { doc: "also the host's ends of pods' interfaces", format: Boolean, default: false },
    },
    driver: {
      enabled: enabled("the drivers' own statistics, as `ethtool -S` shows them; needs interfaces"),
      statistics: {
        doc: 'shell patterns on their names; empty = all',
        format: 'string-list',
        default: ['*err*', '*drop*', '*discard*', '*miss*'],
      },
      max_statistics: {
        doc: 'most statistics of one interface that are looked at',
        format: 'positive-int',
        default: 4_096,
      },
    },
    tcp: {
      enabled: enabled('TCP sockets by state'),
      remote_addresses: {
        doc: 'also sockets by address of the other end, at most so many addresses; 0 = not',
        format: 'nat',
        default: 0,
      },
    },
    protocols: {
      enabled: enabled('statistics of IP, ICMP, TCP, UDP and MPTCP (SNMP and its extensions), and sockets in use'),
      statistics: {
        doc: 'shell patterns on protocol and name (TcpExt.*); empty = all',
        format: 'string-list',
        default: [...PROTOCOL_STATISTICS],
      },
    },
    conntrack: {
      enabled: enabled('use and failures of the connection tracking table'),
      per_cpu: { doc: 'its counters per CPU instead of their sum', format: Boolean, default: false },
    },
    infiniband: { enabled: enabled('counters of InfiniBand ports') },
    cardinality_limit: {
      doc: 'most series of one metric; what does not fit goes to one series with otel_metric_overflow="true"',
      format: 'positive-int',
      default: 2_000,
    },
  },
}
