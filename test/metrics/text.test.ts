import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Family, type FamilyOptions } from '../../src/metrics/family.ts'
import { type TextOptions, writeText } from '../../src/metrics/text.ts'

function made(options: Partial<FamilyOptions>, fill: (f: Family) => void): Family {
  const f = new Family({ name: 'x_total', help: 'Help.', kind: 'counter', ...options })
  fill(f)
  return f
}

const one = (f: Family) => f.add(f.series(), 1)
const text = (families: Family[], options?: TextOptions) => [...writeText(families, options)].join('')

const writes = suite('writeText')

const cases: { name: string; families: Family[]; options?: TextOptions; want: string }[] = [
  {
    name: 'a counter without labels',
    families: [made({}, one)],
    want: '# HELP x_total Help.\n# TYPE x_total counter\nx_total 1\n',
  },
  {
    name: 'OpenMetrics names the family without _total and ends with EOF',
    families: [made({}, one)],
    options: { openMetrics: true },
    want: '# TYPE x counter\n# HELP x Help.\nx_total 1\n# EOF\n',
  },
  {
    name: 'a counter without _total gets it',
    families: [made({ name: 'x' }, one)],
    want: '# HELP x_total Help.\n# TYPE x_total counter\nx_total 1\n',
  },
  {
    name: 'withoutTypeSuffix keeps the name',
    families: [made({ name: 'otelcol_x' }, one)],
    options: { withoutTypeSuffix: true },
    want: '# HELP otelcol_x Help.\n# TYPE otelcol_x counter\notelcol_x 1\n',
  },
  {
    name: 'OpenMetrics calls a counter without _total unknown',
    families: [made({ name: 'otelcol_x' }, one)],
    options: { withoutTypeSuffix: true, openMetrics: true },
    want: '# TYPE otelcol_x unknown\n# HELP otelcol_x Help.\notelcol_x 1\n# EOF\n',
  },
  {
    name: 'backslash, quote and line feed are escaped in values and help',
    families: [made({ labels: ['l'], help: 'a\\b\n"c"' }, (f) => f.add(f.series('a\\b\n"c"'), 1))],
    want: '# HELP x_total a\\\\b\\n"c"\n# TYPE x_total counter\nx_total{l="a\\\\b\\n\\"c\\""} 1\n',
  },
  {
    name: 'the overflow series is marked',
    families: [made({ labels: ['l'], limit: 1 }, (f) => ['a', 'b'].map((v) => f.add(f.series(v), 1)))],
    want: '# HELP x_total Help.\n# TYPE x_total counter\nx_total{otel_metric_overflow="true"} 1\nx_total{l="a"} 1\n',
  },
  {
    name: 'special numbers',
    families: [
      made({ name: 'g', kind: 'gauge', labels: ['l'] }, (f) =>
        [Infinity, -Infinity, NaN, 1e21, 0.1].map((v) => f.set(f.series(`${v}`), v)),
      ),
    ],
    want: '# HELP g Help.\n# TYPE g gauge\ng{l="Infinity"} +Inf\ng{l="-Infinity"} -Inf\ng{l="NaN"} NaN\ng{l="1e+21"} 1e+21\ng{l="0.1"} 0.1\n',
  },
  {
    name: 'a histogram is cumulative; OpenMetrics gives its unit and bounds as floats',
    families: [
      made({ name: 'h_seconds', kind: 'histogram', unit: 's', buckets: [0.000_05, 0.5, 1] }, (f) => {
        for (const v of [0.25, 0.75, 2]) f.observe(f.series(), v)
      }),
    ],
    options: { openMetrics: true },
    want: '# TYPE h_seconds histogram\n# UNIT h_seconds seconds\n# HELP h_seconds Help.\nh_seconds_bucket{le="5e-05"} 0\nh_seconds_bucket{le="0.5"} 1\nh_seconds_bucket{le="1.0"} 2\nh_seconds_bucket{le="+Inf"} 3\nh_seconds_sum 3\nh_seconds_count 3\n# EOF\n',
  },
  {
    name: 'families of one name share one head',
    families: [
      made({ labels: ['l'] }, (f) => f.add(f.series('a'), 1)),
      made({ name: 'y_total' }, one),
      made({ labels: ['m'] }, (f) => f.add(f.series('b'), 2)),
    ],
    want: '# HELP x_total Help.\n# TYPE x_total counter\nx_total{l="a"} 1\nx_total{m="b"} 2\n# HELP y_total Help.\n# TYPE y_total counter\ny_total 1\n',
  },
  { name: 'a family without series is not mentioned', families: [made({}, () => {})], want: '' },
]
for (const { name, families, options, want } of cases) writes(name, () => assert.is(text(families, options), want))

writes('a series of several sources is written once, as their sum', () => {
  const a = made({ labels: ['l'] }, (f) => ['p', 'q'].map((v) => f.add(f.series(v), 1)))
  const b = made({ labels: ['l'] }, (f) => ['q', 'r'].map((v) => f.add(f.series(v), 2)))
  assert.is(
    text([a, b]),
    '# HELP x_total Help.\n# TYPE x_total counter\nx_total{l="p"} 1\nx_total{l="q"} 3\nx_total{l="r"} 2\n',
  )
})

writes('chunks end at a series and stay near their length', () => {
  const f = made({ labels: ['l'] }, (x) => {
    for (let i = 0; i < 1000; i++) x.add(x.series(`value-${i}`), i)
  })
  const chunks = [...writeText([f], { chunkLength: 1000 })]
  assert.ok(chunks.length > 20)
  for (const chunk of chunks) assert.ok(chunk.endsWith('\n') && chunk.length < 1100)
  assert.is(chunks.join(''), text([f]))
})

writes.run()
