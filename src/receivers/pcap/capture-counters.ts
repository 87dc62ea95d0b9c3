import type { CreateContext } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import type { CaptureCounts } from './capture-worker.ts'

/** The receiver's own metrics. */
export class CaptureCounters {
  readonly #packets: Counter
  readonly #leftOut: Readonly<Record<Exclude<keyof CaptureCounts, 'packets' | 'tableFull'>, Counter>>
  readonly #tableFull: Counter
  readonly #workerDeaths: Counter

  constructor({ telemetry, id }: CreateContext) {
    const labels = { receiver: id }
    const leftOut = (reason: string) =>
      telemetry.counter(
        'fovea_pcap_left_out',
        'Packets or DNS messages of the capture that became no flow, by reason.',
        {
          ...labels,
          reason,
        },
      )
    this.#packets = telemetry.counter('fovea_pcap_packets', 'Packets read of the capture.', labels)
    this.#leftOut = {
      notIp: leftOut('not_ip'),
      malformed: leftOut('malformed'),
      unreadLink: leftOut('link_type'),
      dnsRefused: leftOut('dns_table_full'),
    }
    this.#tableFull = telemetry.counter(
      'fovea_pcap_table_full_packets',
      'Packets that found max_connections reached and became flows of their own.',
      labels,
    )
    this.#workerDeaths = telemetry.counter('fovea_pcap_worker_deaths', 'Workers that died while reading.', labels)
  }

  add(counts: CaptureCounts): void {
    this.#packets.add(counts.packets)
    this.#tableFull.add(counts.tableFull)
    this.#leftOut.notIp.add(counts.notIp)
    this.#leftOut.malformed.add(counts.malformed)
    this.#leftOut.unreadLink.add(counts.unreadLink)
    this.#leftOut.dnsRefused.add(counts.dnsRefused)
  }

  workerDied(): void {
    this.#workerDeaths.add(1)
  }
}
