import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { contentType, negotiate, type Offer } from '../../src/metrics/negotiation.ts'

/** What Prometheus 3 sends with its default `scrape_protocols`. */
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
/** And Prometheus 2. */
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'

const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores'
const OPEN_UTF8 = 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8'
const TEXT = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'
const TEXT_UTF8 = 'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8'

const ALL = { openMetrics: true, utf8: true }
const cases: { name: string; accept?: string; offer?: Offer; want: string }[] = [
  { name: 'nothing asked for', want: TEXT },
  { name: 'Prometheus 3, everything offered', accept: PROMETHEUS_3, want: OPEN_UTF8 },
  { name: 'Prometheus 3, names in ASCII', accept: PROMETHEUS_3, offer: { openMetrics: true, utf8: false }, want: OPEN },
  {
    name: 'Prometheus 3, no OpenMetrics',
    accept: PROMETHEUS_3,
    offer: { openMetrics: false, utf8: true },
    want: TEXT_UTF8,
  },
  { name: 'Prometheus 2', accept: PROMETHEUS_2, want: OPEN },
  { name: 'quoted names refused', accept: 'text/plain;version=1.0.0;escaping=allow-utf-8;q=0,*/*', want: TEXT },
  { name: 'anything will do', accept: '*/*', want: TEXT },
  { name: 'text preferred', accept: 'application/openmetrics-text;q=0.1,text/plain;q=0.9', want: TEXT },
  { name: 'OpenMetrics refused', accept: 'application/openmetrics-text;q=0, */*;q=0.1', want: TEXT },
  { name: 'a version of OpenMetrics not known here', accept: 'application/openmetrics-text;version=2.0.0', want: TEXT },
  { name: 'a weight that is no number', accept: 'application/openmetrics-text;q=x,text/plain;q=0.1', want: TEXT },
  { name: 'quoted parameters, spaces and case', accept: 'Application/OpenMetrics-Text ; Version="1.0.0"', want: OPEN },
  { name: 'a type not known here', accept: 'application/json', want: TEXT },
]

const negotiation = suite('negotiate')

for (const { name, accept, offer = ALL, want } of cases)
  negotiation(`format: ${name}`, () =>
    assert.is(contentType(negotiate(accept === undefined ? {} : { accept }, offer)), want),
  )

const encodings: [string | undefined, boolean][] = [
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['br, GZIP;q=0.5', true],
  ['gzip;q=0', false],
  ['*', true],
  ['*, gzip;q=0', false],
  ['gzip;q=0.5, identity', false],
  ['identity', false],
]
for (const [encoding, gzip] of encodings)
  negotiation(`accept-encoding ${encoding ?? '(none)'}: ${gzip ? 'gzip' : 'as it is'}`, () =>
    assert.is(negotiate(encoding === undefined ? {} : { 'accept-encoding': encoding }, ALL).gzip, gzip),
  )

negotiation.run()
