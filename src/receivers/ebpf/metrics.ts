import type { Capture, DiscoveryStatus, KernelCounters, ReadingStatus } from '../../../native/capture.ts'
import type { ComponentId } from '../../pipeline/component.ts'
import type { Counter, Telemetry } from '../../pipeline/telemetry.ts'

const KERNEL: Readonly<Record<keyof KernelCounters, readonly [name: string, help: string]>> = {
  lostRing: ['ring_full_records', 'Records lost because the ring was full.'],
  deferred: ['deferred_records', 'Records that found no room in the ring and whose counts waited for the next one.'],
  tableFull: ['table_full_packets', 'Packets reported one by one because the connection table was full.'],
  notIp: ['not_ip_packets', 'Packets that are neither IPv4 nor IPv6.'],
  malformed: ['malformed_packets', 'Packets with truncated or contradictory headers.'],
  dropsLeftOut: ['left_out_drops', 'Drops whose reason is in drops.exclude_reasons.'],
  seenPackets: ['seen_packets', 'Packets seen at all interfaces.'],
  seenBytes: ['seen_bytes', 'Bytes seen at all interfaces.'],
}

const READING: Readonly<Partial<Record<keyof ReadingStatus, readonly [name: string, help: string]>>> = {
  records: ['records', 'Records read from the ring.'],
  malformed: ['malformed_records', 'Records of a wrong length in the ring.'],
  starved: ['ring_waits', 'Times the ring waited because every slab was in use.'],
}

const PROGRAMS = {
  missed: ['missed_events', 'Drops and TCP events left out because they interrupted the handling of another one.'],
} as const

const DISCOVERY: Readonly<Record<keyof DiscoveryStatus, readonly [name: string, help: string]>> = {
  vanished: ['vanished_interfaces', 'Interfaces that vanished while programs were being attached.'],
  failed: ['attach_failures', 'Interfaces to which programs could not be attached.'],
  cleaned: ['cleaned_filters', 'Filters deleted that an earlier agent had left behind.'],
  resyncs: ['interface_resyncs', 'Times all interfaces were read again because announcements were lost.'],
}

/** The receiver's own metrics, `fovea_ebpf_…{receiver}`: read from the kernel and the addon when somebody asks. */
export class EbpfMetrics {
  readonly #ends: (() => void)[] = []
  readonly #capture: Capture
  readonly #last = new Map<string, number>()
  readonly #counters = new Map<string, Counter>()

  constructor(telemetry: Telemetry, receiver: ComponentId, capture: Capture, slabsInUse: () => number) {
    this.#capture = capture
    for (const [group, metrics] of Object.entries({ KERNEL, READING, PROGRAMS, DISCOVERY }))
      for (const [key, [name, help]] of Object.entries(metrics))
        this.#counters.set(`${group}.${key}`, telemetry.counter(`fovea_ebpf_${name}`, help, { receiver }))
    this.#ends.push(
      telemetry.beforeRead(() => this.refresh()),
      telemetry.gauge('fovea_ebpf_slabs_in_use', 'Slabs on their way through decoding.', { receiver }, slabsInUse),
      telemetry.gauge(
        'fovea_ebpf_ring_waiting_bytes',
        'Bytes in the ring that were not read yet.',
        { receiver },
        () => capture.reading.waitingBytes,
      ),
    )
    this.#ends.push(
      telemetry.gauge(
        'fovea_ebpf_connections',
        "Connections in the kernel's table.",
        { receiver },
        () => capture.reading.connections,
      ),
    )
    for (const role of ['endpoint', 'network', 'loopback'] as const)
      this.#ends.push(
        telemetry.gauge(
          'fovea_ebpf_interfaces',
          'Interfaces with programs attached.',
          { receiver, role },
          () => capture.interfaces.filter((one) => one.role === role && one.attached > 0).length,
        ),
      )
  }

  /** Brings the counters up to date. */
  refresh(): void {
    const { counters, reading, stats, discovery } = this.#capture
    this.#advance('KERNEL', KERNEL, counters)
    this.#advance('READING', READING, reading)
    this.#advance('PROGRAMS', PROGRAMS, { missed: stats.reduce((sum, { missed }) => sum + missed, 0) })
    this.#advance('DISCOVERY', DISCOVERY, discovery)
  }

  /** Counts for the last time and takes the gauges away. */
  end(): void {
    this.refresh()
    for (const end of this.#ends.splice(0)) end()
  }

  #advance(group: string, metrics: object, values: object): void {
    for (const [key, value] of Object.entries(values)) {
      if (!(key in metrics)) continue
      const name = `${group}.${key}`
      this.#counters.get(name)?.add(value - (this.#last.get(name) ?? 0))
      this.#last.set(name, value)
    }
  }
}
