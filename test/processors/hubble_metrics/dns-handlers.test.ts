import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { L7Type, Verdict } from '../../../src/flow/enums.ts'
import { TCP_SYN } from '../../support/flows.ts'
import { ANSWER, counted, QUERY } from '../../support/metric-rows.ts'

const counting = suite('hubble_metrics handlers of DNS')

const cases: { name: string; got: () => Record<string, number | string>; want: Record<string, number | string> }[] = [
  {
    name: 'dns: queries, responses with their rcode text and count of addresses, types of answers',
    got: () =>
      counted('hubble', 'dns', [
        QUERY,
        ANSWER,
        { ...ANSWER, l7: { type: L7Type.RESPONSE, query: 'b.', types: [28], rcode: 3 } },
        { ...ANSWER, l7: { type: L7Type.RESPONSE, query: 'b.', types: [28], rcode: 12 } },
        { ...QUERY, verdict: Verdict.DROPPED, l7: { type: L7Type.REQUEST, query: 'c.', types: [1, 28] } },
        { ...QUERY, verdict: Verdict.DROPPED },
        TCP_SYN,
      ]),
    want: {
      'hubble_dns_queries_total{rcode=,qtypes=A,ips_returned=0}': 1,
      'hubble_dns_queries_total{rcode=Policy denied,qtypes=A,AAAA,ips_returned=0}': 1,
      'hubble_dns_queries_total{rcode=Policy denied,qtypes=A,ips_returned=0}': 1,
      'hubble_dns_responses_total{rcode=No Error,qtypes=A,ips_returned=2}': 1,
      'hubble_dns_responses_total{rcode=Non-Existent Domain,qtypes=AAAA,ips_returned=0}': 1,
      'hubble_dns_responses_total{rcode=,qtypes=AAAA,ips_returned=0}': 1,
      'hubble_dns_response_types_total{type=CNAME,qtypes=A}': 1,
      'hubble_dns_response_types_total{type=A,qtypes=A}': 2,
    },
  },
  {
    name: 'dns: option query adds the name, ignoreAAAA leaves questions for AAAA alone out',
    got: () =>
      counted(
        'hubble',
        'dns',
        [QUERY, { ...QUERY, l7: { type: L7Type.REQUEST, query: 'b.', types: [28] } }],
        'query',
        'ignoreaaaa',
      ),
    want: { 'hubble_dns_queries_total{rcode=,qtypes=A,ips_returned=0,query=a.example.}': 1 },
  },
  {
    name: 'dns: unusual numbers get their own series too',
    got: () =>
      counted('hubble', 'dns', [
        { ...ANSWER, l7: { type: L7Type.RESPONSE, query: 'a.', types: [65_280], answerTypes: [65_280], rcode: 23 } },
        { ...ANSWER, l7: { type: L7Type.RESPONSE, query: 'a.', types: [1], answerTypes: [65_280], rcode: 3841 } },
      ]),
    want: {
      'hubble_dns_responses_total{rcode=Bad/missing Server Cookie,qtypes=TYPE65280,ips_returned=0}': 1,
      'hubble_dns_responses_total{rcode=,qtypes=A,ips_returned=0}': 1,
      'hubble_dns_response_types_total{type=TYPE65280,qtypes=TYPE65280}': 1,
      'hubble_dns_response_types_total{type=TYPE65280,qtypes=A}': 1,
    },
  },
  {
    name: 'dns, exact: latency of answers whose query was seen',
    got: () => counted('exact', 'dns', [QUERY, ANSWER, { ...ANSWER, l7: { ...ANSWER.l7!, latencyNs: 0 } }]),
    want: { 'fovea_dns_latency_seconds{rcode=No Error}': '1/0.002' },
  },
]
for (const { name, got, want } of cases) counting(name, () => assert.equal(got(), want))

counting.run()
