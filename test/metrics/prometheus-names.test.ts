import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family, type FamilyKind } from '../../src/metrics/family.ts'
import { escaped, labelName, metricNames, NAME_STRATEGIES, unitWord } from '../../src/metrics/prometheus-names.ts'

const family = (name: string, kind: FamilyKind, unit = '') => new Family({ name, help: '', kind, unit })
const names = suite('metricNames')

/** Sample's name by each strategy, in the order of `NAME_STRATEGIES`. */
const cases: { metric: Family; want: [string, string, string, string] }[] = [
  {
    metric: family('hubble_flows_processed_total', 'counter'),
    want: [
      'hubble_flows_processed_total',
      'hubble_flows_processed_total',
      'hubble_flows_processed_total',
      'hubble_flows_processed_total',
    ],
  },
  {
    metric: family('system.network.io', 'counter', 'By'),
    want: ['system_network_io_bytes_total', 'system_network_io', 'system.network.io_bytes_total', 'system.network.io'],
  },
  {
    metric: family('fovea_flow_bytes_total', 'counter', 'By'),
    want: ['fovea_flow_bytes_total', 'fovea_flow_bytes_total', 'fovea_flow_bytes_total', 'fovea_flow_bytes_total'],
  },
  {
    metric: family('a.utilization', 'gauge', '1'),
    want: ['a_utilization_ratio', 'a_utilization', 'a.utilization_ratio', 'a.utilization'],
  },
  {
    metric: family('packets', 'counter', '{packet}'),
    want: ['packets_total', 'packets', 'packets_total', 'packets'],
  },
  { metric: family('2xx-größe', 'gauge'), want: ['_2xx_gr__e', '_2xx_gr__e', '2xx-größe', '2xx-größe'] },
]
for (const { metric, want } of cases)
  names(`${metric.kind} ${metric.name} in ${metric.unit || 'no unit'}`, () => {
    assert.equal(
      NAME_STRATEGIES.map((strategy) => metricNames(metric, strategy).sample),
      want,
    )
  })

names('the plain name of a counter lacks _total, that of others is the same', () => {
  assert.is(metricNames(family('a_total', 'counter'), 'UnderscoreEscapingWithSuffixes').plain, 'a')
  assert.is(metricNames(family('a', 'counter'), 'NoTranslation').plain, 'a')
  assert.is(metricNames(family('a_total', 'gauge'), 'UnderscoreEscapingWithSuffixes').plain, 'a_total')
})

const units: [FamilyKind, string, string][] = [
  ['gauge', 'By/s', 'bytes_per_second'],
  ['gauge', '{packet}/s', 'per_second'],
  ['counter', '1', ''],
  ['gauge', '1', 'ratio'],
  ['gauge', 'furlong', 'furlong'],
  ['gauge', '', ''],
]
for (const [kind, unit, word] of units)
  names(`unit ${unit || '(none)'} of a ${kind} is the word ${word || '(none)'}`, () =>
    assert.is(unitWord({ kind, unit }), word),
  )

names('a metric may have a colon in its name, a label may not', () => {
  assert.is(metricNames(family('a:b', 'gauge'), 'UnderscoreEscapingWithSuffixes').sample, 'a:b')
  assert.is(labelName('a:b', 'UnderscoreEscapingWithSuffixes'), 'a_b')
})

names('for old scrapers each strategy has one in ASCII with the same suffixes', () => {
  assert.is(escaped('NoUTF8EscapingWithSuffixes'), 'UnderscoreEscapingWithSuffixes')
  assert.is(escaped('NoTranslation'), 'UnderscoreEscapingWithoutSuffixes')
})

names.run()
