import { Kind, Protocol, TcpFlag, Verdict } from '../../flow/enums.ts'
import type { Handler } from '../hubble_metrics/handlers/handler.ts'
import { EGRESS, INGRESS, type Way } from './pod-sides.ts'
import { type RetinaSettings, retinaGauge } from './retina-settings.ts'

/** Flags that the kernel reports each time, as Retina calls them. */
const FLAGS = ['SYN', 'SYNACK', 'FIN', 'RST']
const SYN = 0
const SYN_ACK = 1
const FIN = 2
const RST = 3

const OF_INTEREST = TcpFlag.SYN | TcpFlag.FIN | TcpFlag.RST

/** `adv_tcpflags_count` of packets at pods' interfaces, and `adv_tcpretrans_count` of pods' sockets. */
export function tcpHandler({ sides }: RetinaSettings): Handler {
  const flags = sides.family(retinaGauge('adv_tcpflags_count', 'TCP flags of packets of pods', 'flag'), (key) => [
    FLAGS[key]!,
  ])
  const again = sides.family(
    retinaGauge('adv_tcpretrans_count', 'TCP segments of pods sent again', 'direction'),
    (way) => [sides.directions[way]!],
  )
  const ways: readonly Way[] = [EGRESS, INGRESS]
  const addFlags = (bits: number, pod: number, way: Way, weight: number) => {
    const add = (flag: number) => flags.family.add(flags.series[way].id(pod, flag), weight)
    if (bits & TcpFlag.SYN) add(bits & TcpFlag.ACK ? SYN_ACK : SYN)
    if (bits & TcpFlag.FIN) add(FIN)
    if (bits & TcpFlag.RST) add(RST)
  }
  return {
    families: [flags.family, again.family],
    observe(batch) {
      const { kind, verdict, protocol, tcpFlags, weight } = batch.columns
      sides.begin(batch, flags, again)
      for (let i = 0; i < batch.length; i++) {
        if (protocol[i] !== Protocol.TCP) continue
        if (kind[i] === Kind.TCP_RETRANSMIT) {
          for (const way of ways)
            if (sides.isPod(batch, i, way))
              again.family.add(again.series[way].id(sides.labels(i, way), way), weight[i]!)
          continue
        }
        if (kind[i] !== Kind.PACKETS || verdict[i] !== Verdict.FORWARDED || (tcpFlags[i]! & OF_INTEREST) === 0) continue
        const way = sides.wayAt(batch, i)
        if (way !== undefined) addFlags(tcpFlags[i]!, sides.labels(i, way), way, weight[i]!)
      }
    },
  }
}
