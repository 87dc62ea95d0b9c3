import type { ConfigSpec, Problem } from '../../pipeline/component.ts'

/** Settings of the `ebpf` receiver. Durations in milliseconds. */
export interface EbpfConfig {
  programs: { packets: boolean; dns: boolean; drops: boolean; tcp: boolean }
  interfaces: { include: string[]; exclude: string[]; endpoint: string[]; network: string[] }
  attach: 'auto' | 'tcx' | 'clsact'
  aggregation: 'connection' | 'none'
  report_interval: number
  tcp_idle_timeout: number
  idle_timeout: number
  max_connections: number
  dns: { ports: number[] }
  drops: { exclude_reasons: string[] }
  tcp: { states: boolean }
  ring_size_mib: number
  slabs: { count: number; size_kib: number; max_delay: number; poll_interval: number }
}

/**
 * What the kernel frees with a reason although nothing was lost: consumed, seen before, left over at a close, meant for somebody
 * else, or the copy for a capture (tcpdump) that is behind.
 */
export const NO_LOSS: readonly string[] = [
  'SKB_NOT_DROPPED_YET',
  'SKB_CONSUMED',
  'NOT_SPECIFIED',
  'OTHERHOST',
  'TCP_RESET',
  'TCP_OFOMERGE',
  'TCP_OLD_DATA',
  'TCP_OLD_ACK',
  'TCP_OLD_SEQUENCE',
  'QUEUE_PURGE',
  'PACKET_SOCK_ERROR',
]

/** The kernel programs compare with that many ports. */
const MAX_DNS_PORTS = 4

const patterns = (doc: string) => ({ doc, format: 'string-list', default: [] as string[] })
const enabled = (doc: string) => ({ doc, format: Boolean, default: true })

export const ebpfConfig: ConfigSpec<EbpfConfig> = {
  schema: {
    programs: {
      packets: enabled('count the packets of every connection at every interface'),
      dns: enabled('read DNS messages; needs packets'),
      drops: enabled('report packets the kernel drops, with its reason'),
      tcp: enabled('report retransmissions, resets, setup times and RTT of TCP sockets'),
    },
    interfaces: {
      include: patterns('shell patterns: observe only interfaces that match; empty = all that the rules below pick'),
      exclude: patterns('shell patterns: never observe these'),
      endpoint: patterns("shell patterns: treat these as the host's side of a pod's interface"),
      network: patterns('shell patterns: treat these as devices of this machine'),
    },
    attach: {
      doc: 'auto: tcx links, and clsact filters where the kernel has no tcx (before 6.6)',
      format: ['auto', 'tcx', 'clsact'],
      default: 'auto',
    },
    aggregation: {
      doc: 'connection: the kernel adds up and reports exact deltas; none: one flow per packet',
      format: ['connection', 'none'],
      default: 'connection',
    },
    report_interval: {
      doc: 'longest time until a busy connection is reported',
      format: 'positive-duration',
      default: '10s',
    },
    tcp_idle_timeout: {
      doc: 'time without packets after which an established TCP connection is forgotten',
      format: 'positive-duration',
      default: '5m',
    },
    idle_timeout: {
      doc: 'time without packets after which any other connection is forgotten',
      format: 'positive-duration',
      default: '60s',
    },
    max_connections: {
      doc: 'connections the kernel keeps, about 200 bytes each; packets beyond are reported one by one',
      format: 'positive-int',
      default: 131_072,
    },
    dns: { ports: { doc: 'ports that carry DNS, at most 4', format: 'array', default: [53, 5353] } },
    drops: {
      exclude_reasons: {
        doc: "drop reasons not reported, the kernel's names without SKB_DROP_REASON_",
        format: 'string-list',
        default: [...NO_LOSS],
      },
    },
    tcp: { states: { doc: 'also report every change of state of every socket', format: Boolean, default: false } },
    ring_size_mib: {
      doc: 'size of the ring between kernel and agent, a power of two',
      format: 'positive-int',
      default: 8,
    },
    slabs: {
      count: { doc: 'buffers between the ring and the decoder', format: 'positive-int', default: 16 },
      size_kib: { doc: 'size of one buffer', format: 'positive-int', default: 1024 },
      max_delay: {
        doc: 'age at which a buffer is handed over although it is not full',
        format: 'positive-duration',
        default: '50ms',
      },
      poll_interval: {
        doc: 'time between two looks at the ring while records come',
        format: 'positive-duration',
        default: '5ms',
      },
    },
  },
  check,
}

function check(config: EbpfConfig): Problem[] {
  const problems: Problem[] = []
  const problem = (path: string[], message: string) => problems.push({ path, message })
  const { programs, dns, ring_size_mib: ring, slabs } = config
  if (!programs.packets && !programs.drops && !programs.tcp)
    problem(['programs'], 'nothing to observe: switch on packets, drops or tcp')
  const isPort = (port: unknown) => Number.isInteger(port) && Number(port) > 0 && Number(port) <= 65_535
  if (dns.ports.length > MAX_DNS_PORTS || !dns.ports.every(isPort))
    problem(['dns', 'ports'], `expected at most ${MAX_DNS_PORTS} ports, 1 to 65535`)
  if (ring > 1024 || (ring & (ring - 1)) !== 0) problem(['ring_size_mib'], 'expected a power of two, 1 to 1024')
  if (slabs.count < 2 || slabs.count > 256) problem(['slabs', 'count'], 'expected 2 to 256')
  // The shortest slab holds any one record (64 KiB), the longest no more records than a batch has rows.
  if (slabs.size_kib < 64 || slabs.size_kib > 1536) problem(['slabs', 'size_kib'], 'expected 64 to 1536')
  return problems
}
