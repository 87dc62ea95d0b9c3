import { dnsHandler } from './dns.ts'
import { dnsLatencyHandler } from './dns-latency.ts'
import { dropHandler } from './drop.ts'
import { dropTrafficHandler } from './drop-traffic.ts'
import { flowHandler } from './flow.ts'
import type { HandlerKind } from './handler.ts'
import { icmpHandler } from './icmp.ts'
import { portDistributionHandler } from './port-distribution.ts'
import { tcpHandler } from './tcp.ts'
import { tcpEventsHandler } from './tcp-events.ts'
import { trafficHandler } from './traffic.ts'

/** Every name that `metrics` takes, as Hubble names its metrics. */
export const HANDLER_KINDS: Readonly<Record<string, HandlerKind>> = {
  dns: {
    options: {
      query: 'adds the label "query", the name asked for',
      ignoreaaaa: 'leaves out messages that ask for AAAA only',
    },
    hubble: dnsHandler,
    exact: dnsLatencyHandler,
  },
  drop: { options: {}, hubble: dropHandler, exact: dropTrafficHandler },
  flow: { options: {}, hubble: flowHandler, exact: trafficHandler },
  icmp: { options: {}, hubble: icmpHandler },
  'port-distribution': { options: {}, hubble: portDistributionHandler },
  tcp: { options: {}, hubble: tcpHandler, exact: tcpEventsHandler },
}
