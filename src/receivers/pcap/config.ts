import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import type { Vantage } from './vantage.ts'

/** Settings of the `pcap` receiver. Durations are milliseconds. */
export interface PcapConfig {
  file: string
  timing: 'original' | 'fast'
  speed: number
  loop: boolean
  aggregation: 'connection' | 'none'
  report_interval: number
  max_connections: number
  vantage: Vantage
}

export const pcapConfig: ConfigSpec<PcapConfig> = {
  schema: {
    file: { doc: 'capture to read, pcap or pcapng', format: 'file', default: '' },
    timing: {
      doc: 'original: as it was, with times moved to now; fast: as fast as it can be read, with its own times',
      format: ['original', 'fast'],
      default: 'original',
    },
    speed: { doc: 'original timing: so many times faster than it was', format: 'number', default: 1 },
    loop: { doc: 'begin again at the end', format: Boolean, default: false },
    aggregation: {
      doc: 'connection: one flow per report of a connection; none: one flow per packet',
      format: ['connection', 'none'],
      default: 'connection',
    },
    report_interval: {
      doc: 'most capture time between two reports of a connection that goes on',
      format: 'positive-duration',
      default: '10s',
    },
    max_connections: {
      doc: 'connections known at a time; packets of further ones become flows of their own',
      format: 'positive-int',
      default: 16_384,
    },
    vantage: {
      doc: 'where the capture was taken: network (on a node) or endpoint (on the host side of a pod)',
      format: ['network', 'endpoint'],
      default: 'network',
    },
  },
  check: checkPcap,
}

const MOST_CONNECTIONS = 1 << 20

function checkPcap(config: PcapConfig): Problem[] {
  const problems: Problem[] = []
  if (config.file === '') problems.push({ path: ['file'], message: 'requires the path of a pcap or pcapng file' })
  if (!(config.speed > 0)) problems.push({ path: ['speed'], message: 'must be greater than zero' })
  if (config.max_connections > MOST_CONNECTIONS) {
    problems.push({ path: ['max_connections'], message: `must be ${MOST_CONNECTIONS} or less` })
  }
  if (config.loop && config.timing === 'fast') {
    problems.push({ path: ['loop'], message: 'needs "timing: original": a fast loop would never rest' })
  }
  return problems
}
