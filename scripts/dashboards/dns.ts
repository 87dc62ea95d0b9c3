import { board, type Section } from './board.ts'
import { graph, heatmap, stat, table } from './panel.ts'
import { of, quantile, rate, received, sum, top, touching } from './query.ts'

const LATENCY = 'fovea_dns_latency_seconds'
const FAILED = 'rcode!~"No Error|Non-Existent Domain"'

/** Of a DNS answer the destination is the client. */
const CLIENT = 'destination_namespace, destination_workload'
const answers = (...matchers: readonly string[]) => received(`${LATENCY}_count`, ...matchers)

/** A part of the answers; 0 where there was none of them. */
const share = (matcher: string) => `sum(${answers(matcher)}) / sum(${answers()}) or 0 * sum(${answers()})`

const numbers: Section = {
  title: 'Answers to the chosen namespaces and workloads',
  panels: [
    stat({
      title: 'Answers',
      description: 'DNS answers whose query was seen.',
      unit: 'reqps',
      query: `sum(${answers()})`,
      width: 6,
    }),
    stat({
      title: 'Failed',
      description: 'Server failures, refusals, format errors. Look at the log of the DNS server below that gives them.',
      unit: 'percentunit',
      query: share(FAILED),
      limits: [0.01, 0.05],
      width: 6,
    }),
    stat({
      title: 'No such name',
      description:
        'Much of it is search domains being tried (ndots:5): a final dot after names, or a lower ndots, saves it.',
      unit: 'percentunit',
      query: share('rcode="Non-Existent Domain"'),
      limits: [0.5, 0.8],
      width: 6,
    }),
    stat({
      title: 'Slowest 1 %',
      description: 'Above 1 s applications time out. Compare servers below.',
      unit: 's',
      query: quantile(0.99, '', received(`${LATENCY}_bucket`)),
      limits: [0.1, 1],
      width: 6,
    }),
  ],
}

const latency: Section = {
  title: 'Latency and errors',
  panels: [
    graph({
      title: 'Time to answer',
      description: 'From query to answer. Steps at 5 s are clients that ask again after a lost packet.',
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((q) => [quantile(q, '', received(`${LATENCY}_bucket`)), `p${q * 100}`]),
    }),
    heatmap({
      title: 'Time to answer, all answers',
      description: 'Two bands: cache hits below, what is asked upstream above.',
      unit: 's',
      query: sum('le', received(`${LATENCY}_bucket`)),
    }),
    graph({
      title: 'Answers by code',
      description: 'Server Failure: the server cannot reach its upstream. Query Refused: an ACL, or the wrong server.',
      unit: 'reqps',
      queries: [[sum('rcode', answers()), '{{rcode}}']],
      width: 8,
      stacked: true,
    }),
    graph({
      title: 'Clients with failed answers',
      description: 'One client: its names or resolv.conf. All: the server.',
      unit: 'reqps',
      queries: [
        [top(10, `${CLIENT}, rcode`, answers(FAILED)), '{{destination_namespace}}/{{destination_workload}} {{rcode}}'],
      ],
      width: 8,
    }),
    graph({
      title: 'Slowest 5 % by server',
      description: 'One server slower than the others: its CPU limit, or its node.',
      unit: 's',
      queries: [
        [
          quantile(0.95, 'source_namespace, source_workload, source_node', received(`${LATENCY}_bucket`)),
          '{{source_namespace}}/{{source_workload}} {{source_node}}',
        ],
      ],
      width: 8,
    }),
  ],
}

const names: Section = {
  title: 'Names and types. Names need the option `query` of the metric `dns`',
  panels: [
    table({
      title: 'Names asked for most',
      description: 'A name at the top with many types and search domains: set a final dot, or a cache on the node.',
      unit: 'reqps',
      query: top(30, 'query', rate(of('hubble_dns_queries_total', 'query!=""'))),
      value: 'Queries',
      columns: { query: 'Name' },
      width: 12,
    }),
    table({
      title: 'Names that fail most',
      description: 'Typing errors, services that are gone, search domains.',
      unit: 'reqps',
      query: top(30, 'query, rcode', rate(of('hubble_dns_responses_total', 'query!=""', 'rcode!="No Error"'))),
      value: 'Answers',
      columns: { query: 'Name', rcode: 'Code' },
      width: 12,
    }),
    graph({
      title: 'Queries and answers',
      description: 'Of the whole cluster. A gap between both is queries without an answer: see drops at port 53.',
      unit: 'reqps',
      queries: [
        [`sum(${rate(of('hubble_dns_queries_total'))})`, 'queries'],
        [`sum(${rate(of('hubble_dns_responses_total'))})`, 'answers'],
      ],
      width: 8,
    }),
    graph({
      title: 'Queries by type',
      description: 'AAAA without IPv6 is half of the load: many resolvers can leave it out.',
      unit: 'reqps',
      queries: [[sum('qtypes', rate(of('hubble_dns_queries_total'))), '{{qtypes}}']],
      width: 8,
      stacked: true,
    }),
    graph({
      title: 'Records in answers',
      description: 'CNAME chains make answers long; those that exceed a datagram come again over TCP.',
      unit: 'cps',
      queries: [[sum('type', rate(of('hubble_dns_response_types_total'))), '{{type}}']],
      width: 8,
    }),
    graph({
      title: 'Dropped on the way from or to a DNS server',
      description: 'Packets dropped at either end of somebody who answers DNS: why queries stay without an answer.',
      unit: 'pps',
      queries: [
        [
          sum(
            'reason, destination_namespace, destination_workload',
            `${touching('fovea_drop_packets_total')} and on (destination_namespace, destination_workload) label_replace(label_replace(${of(`${LATENCY}_count`)}, "destination_namespace", "$1", "source_namespace", "(.*)"), "destination_workload", "$1", "source_workload", "(.*)")`,
          ),
          '{{reason}} to {{destination_namespace}}/{{destination_workload}}',
        ],
      ],
      width: 24,
    }),
  ],
}

export const dns = board({
  uid: 'fovea-dns',
  title: 'fovea / DNS',
  description: 'Latency, errors and names of DNS, by client and server.',
  variables: ['namespace', 'workload'],
  sections: [numbers, latency, names],
})
