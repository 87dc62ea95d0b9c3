import { Protocol, TcpFlag, Verdict } from '../../../flow/enums.ts'
import { SeriesCache } from '../../../metrics/series-cache.ts'
import type { Handler, HandlerSettings } from './handler.ts'

const FLAGS = ['FIN', 'SYN', 'SYN-ACK', 'RST'] as const
const FIN = 0
const SYN = 1
const SYN_ACK = 2
const RST = 3

const FAMILIES: Readonly<Record<number, string>> = { 0: 'IP_NOT_USED', 4: 'IPv4', 6: 'IPv6' }

const OF_INTEREST = TcpFlag.FIN | TcpFlag.SYN | TcpFlag.RST

/** `hubble_tcp_flags_total`: one for each of FIN, SYN or SYN-ACK, RST that a forwarded flow has. */
export function tcpHandler(settings: HandlerSettings): Handler {
  const { ends } = settings
  const family = settings.family({
    name: 'hubble_tcp_flags_total',
    help: 'TCP flag occurrences',
    kind: 'counter',
    labels: ['flag', 'family'],
  })
  const series = new SeriesCache(family, (key) => [FLAGS[key & 0xff]!, FAMILIES[key >>> 8] ?? ''], ends)
  return {
    families: [family],
    observe(batch) {
      const { verdict, protocol, tcpFlags, ipVersion, weight } = batch.columns
      ends.begin(batch)
      series.refresh()
      for (let i = 0; i < batch.length; i++) {
        const flags = tcpFlags[i]!
        if ((flags & OF_INTEREST) === 0 || protocol[i] !== Protocol.TCP) continue
        if (verdict[i] !== Verdict.FORWARDED && verdict[i] !== Verdict.REDIRECTED) continue
        if (ipVersion[i] === 0 && batch.foreign?.hasIp(i) !== true) continue
        const version = ipVersion[i]! << 8
        const end = ends.id(i)
        if (flags & TcpFlag.FIN) family.add(series.id(end, version | FIN), weight[i]!)
        if (flags & TcpFlag.SYN) {
          family.add(series.id(end, version | (flags & TcpFlag.ACK ? SYN_ACK : SYN)), weight[i]!)
        }
        if (flags & TcpFlag.RST) family.add(series.id(end, version | RST), weight[i]!)
      }
    },
  }
}
