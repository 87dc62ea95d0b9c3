import { dnsHandler } from './dns.ts'
import { dnsLatencyHandler } from './dns-latency.ts'
import { dropHandler } from './drop.ts'
import { dropTrafficHandler } from './drop-traffic.ts'
import { flowHandler } from './flow.ts'
import { flowsToWorldHandler } from './flows-to-world.ts'
import type { HandlerKind } from './handler.ts'
import { httpHandler, httpV2Handler } from './http.ts'
import { icmpHandler } from './icmp.ts'
import { policyHandler } from './policy.ts'
import { portDistributionHandler } from './port-distribution.ts'
import { tcpHandler } from './tcp.ts'
import { tcpEventsHandler } from './tcp-events.ts'
import { EXEMPLARS_HELP } from './traces.ts'
import { trafficHandler } from './traffic.ts'

const EXEMPLARS = { exemplars: EXEMPLARS_HELP }

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
  drop: { options: EXEMPLARS, hubble: dropHandler, exact: dropTrafficHandler },
  flow: { options: EXEMPLARS, hubble: flowHandler, exact: trafficHandler },
  'flows-to-world': {
    options: {
      'any-drop': 'counts drops of other reasons than a policy, too',
      port: 'adds the label "port", the destination port',
      'syn-only': 'counts TCP with SYN alone, and of those no replies',
      ...EXEMPLARS,
    },
    hubble: flowsToWorldHandler,
  },
  http: { options: EXEMPLARS, conflict: 'httpV2', hubble: httpHandler },
  httpV2: { options: EXEMPLARS, conflict: 'http', swapsEnds: true, hubble: httpV2Handler },
  icmp: { options: {}, hubble: icmpHandler },
  policy: { options: EXEMPLARS, hubble: policyHandler },
  'port-distribution': { options: {}, hubble: portDistributionHandler },
  tcp: { options: {}, hubble: tcpHandler, exact: tcpEventsHandler },
}
