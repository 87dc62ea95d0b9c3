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
    name: 'without suffixes a name stays',
    families: [made({ name: 'otelcol_x' }, one)],
    options: { names: 'UnderscoreEscapingWithoutSuffixes' },
    want: '# HELP otelcol_x Help.\n# TYPE otelcol_x counter\notelcol_x 1\n',
  },
  {
    name: 'OpenMetrics calls a counter without _total unknown',
    families: [made({ name: 'otelcol_x' }, one)],
    options: { names: 'UnderscoreEscapingWithoutSuffixes', openMetrics: true },
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
  {
    name: 'units and characters of OpenTelemetry become words and underscores',
    families: [
      made({ name: 'system.network.io', unit: 'By', labels: ['network.interface.name'] }, (f) =>
        f.add(f.series('a'), 1),
      ),
    ],
    options: { openMetrics: true },
    want: '# TYPE system_network_io_bytes counter\n# UNIT system_network_io_bytes bytes\n# HELP system_network_io_bytes Help.\nsystem_network_io_bytes_total{network_interface_name="a"} 1\n# EOF\n',
  },
  {
    name: 'names of any characters stand quoted where they are kept',
    families: [
      made({ name: 'a.b', labels: ['l.m', 'n'] }, (f) => f.add(f.series('x', 'y'), 1)),
      made({ name: 'c.d' }, one),
    ],
    options: { names: 'NoUTF8EscapingWithSuffixes' },
    want: '# HELP "a.b_total" Help.\n# TYPE "a.b_total" counter\n{"a.b_total","l.m"="x",n="y"} 1\n# HELP "c.d_total" Help.\n# TYPE "c.d_total" counter\n{"c.d_total"} 1\n',
  },
  {
    name: 'names that become the same share one head',
    families: [made({ name: 'a.b' }, one), made({ name: 'a_b_total', labels: ['l'] }, (f) => f.add(f.series('x'), 2))],
    want: '# HELP a_b_total Help.\n# TYPE a_b_total counter\na_b_total 1\na_b_total{l="x"} 2\n',
  },
  {
    name: 'labels that come to have one name are joined',
    families: [made({ labels: ['a.b', 'c', 'a_b'] }, (f) => f.add(f.series('1', '2', '3'), 1))],
    want: '# HELP x_total Help.\n# TYPE x_total counter\nx_total{a_b="1;3",c="2"} 1\n',
  },
  {
    name: 'labels of every series come last, and a series keeps its own of that name',
    families: [
      made({ labels: ['l'], limit: 1 }, (f) => ['a', 'b'].map((v) => f.add(f.series(v), 1))),
      made({ name: 'y' }, one),
    ],
    options: { labels: { l: 'const', 'm.n': '"' } },
    want: '# HELP x_total Help.\n# TYPE x_total counter\nx_total{otel_metric_overflow="true",m_n="\\""} 1\nx_total{l="a",m_n="\\""} 1\n# HELP y_total Help.\n# TYPE y_total counter\ny_total{l="const",m_n="\\""} 1\n',
  },
  {
    name: 'a namespace stands before every name',
    families: [made({}, one)],
    options: { namespace: 'net' },
    want: '# HELP net_x_total Help.\n# TYPE net_x_total counter\nnet_x_total 1\n',
  },
  {
    name: 'target_info comes first',
    families: [made({}, one)],
    options: { targetInfo: { 'service.name': 'fovea' } },
    want: '# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{service_name="fovea"} 1\n# HELP x_total Help.\n# TYPE x_total counter\nx_total 1\n',
  },
  {
    name: 'OpenMetrics knows target_info as what it is',
    families: [],
    options: { targetInfo: { 'service.name': 'fovea' }, openMetrics: true },
    want: '# TYPE target info\n# HELP target Target metadata\ntarget_info{service_name="fovea"} 1\n# EOF\n',
  },
  {
    name: 'exemplars stand behind the counter, and behind the bucket they fell into',
    families: [
      made({}, (f) => {
        one(f)
        f.exemplar(f.series(), 'abc', 1, 1_520_879_607_789)
      }),
      made({ name: 'h', kind: 'histogram', buckets: [1] }, (f) => {
        f.observe(f.series(), 2)
        f.exemplar(f.series(), 'd"e', 2, 1_000)
      }),
    ],
    options: { openMetrics: true },
    want: '# TYPE x counter\n# HELP x Help.\nx_total 1 # {traceID="abc"} 1 1520879607.789\n# TYPE h histogram\n# HELP h Help.\nh_bucket{le="1.0"} 0\nh_bucket{le="+Inf"} 1 # {traceID="d\\"e"} 2 1\nh_sum 2\nh_count 1\n# EOF\n',
  },
  {
    name: 'text 0.0.4 has no exemplars and no times of creation',
    families: [
      made({}, (f) => {
        one(f)
        f.exemplar(f.series(), 'abc', 1, 1)
      }),
    ],
    options: { createdSamples: true },
    want: '# HELP x_total Help.\n# TYPE x_total counter\nx_total 1\n',
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

writes('OpenMetrics tells when counters and histograms began, where asked for', () => {
  const clock = () => 12_345
  const families = [
    new Family({ name: 'x_total', help: '', kind: 'counter', labels: ['l'] }, clock),
    new Family({ name: 'h', help: '', kind: 'histogram', labels: ['l'] }, clock),
    new Family({ name: 'g', help: '', kind: 'gauge', labels: ['l'] }, clock),
  ]
  for (const f of families) f.series('a')
  const options = { openMetrics: true, createdSamples: true }
  const created = (given: TextOptions) =>
    text(families, given)
      .split('\n')
      .filter((line) => line.includes('_created'))
  assert.equal(created(options), ['x_created{l="a"} 12.345', 'h_created{l="a"} 12.345'])
  const withoutTotal = new Family({ name: 'otelcol_x', help: '', kind: 'counter' }, clock)
  one(withoutTotal)
  assert.not.match(text([withoutTotal], { ...options, names: 'UnderscoreEscapingWithoutSuffixes' }), '_created')
})

writes('timestamps are milliseconds in text, seconds in OpenMetrics', () => {
  const before = Date.now()
  const stamp = (openMetrics: boolean) => {
    const written = text([made({}, one)], { timestamps: true, openMetrics })
    return Number(/^x_total 1 ([0-9.]+)$/m.exec(written)?.[1])
  }
  for (const ms of [stamp(false), stamp(true) * 1_000]) assert.ok(ms >= before && ms <= Date.now(), `${ms}`)
})

writes('a family of another kind than the first of its name is left out, and told of', () => {
  const left: Family[] = []
  const gauge = made({ name: 'x_total', kind: 'gauge' }, (f) => f.set(f.series(), 5))
  const written = text([made({}, one), gauge], { leftOut: (f) => left.push(f) })
  assert.is(written, '# HELP x_total Help.\n# TYPE x_total counter\nx_total 1\n')
  assert.equal(left, [gauge])
})

writes('the numbers of a metric are those of one moment, and a series that ends meanwhile is not told', () => {
  const f = made({ labels: ['l'] }, (x) => {
    for (let i = 0; i < 100; i++) x.add(x.series(`v${i}`), 1)
  })
  let written = ''
  for (const chunk of writeText([f], { chunkLength: 1 })) {
    if (written === '') {
      for (const id of f.ids()) f.add(id, 1)
      f.remove(f.series('v50'))
      f.add(f.series('new'), 7)
    }
    written += chunk
  }
  assert.is(written.match(/ 1$/gm)?.length, 99)
  assert.not.match(written, /new|v50"|[27]$/m)
  assert.is(text([f]).match(/ 2$/gm)?.length, 99)
})

/** A family of two series, and who watches their removal. */
function watchedFamily(): { family: Family; watching: Set<unknown> } {
  const family = made({ labels: ['l'] }, (x) => ['a', 'b'].map((v) => x.series(v)))
  const watching = new Set<unknown>()
  const { watchRemovals } = family
  family.watchRemovals = (watcher) => {
    watching.add(watcher)
    const end = watchRemovals.call(family, watcher)
    return () => {
      watching.delete(watcher)
      end()
    }
  }
  return { family, watching }
}

writes('an answer that is broken off watches its metrics no longer', () => {
  const { family, watching } = watchedFamily()
  const chunks = writeText([family], { chunkLength: 1 })
  chunks.next()
  assert.is(watching.size, 1)
  chunks.return(undefined)
  assert.is(watching.size, 0)
})

writes('an answer watches none of the metrics it added up once it has', () => {
  const watched = [watchedFamily(), watchedFamily()]
  text(watched.map(({ family }) => family))
  assert.equal(
    watched.map(({ watching }) => watching.size),
    [0, 0],
  )
})

writes('sums of many series leave time for other work', () => {
  const many = () =>
    made({ labels: ['l'], limit: 2_500 }, (x) => {
      for (let i = 0; i < 2_500; i++) x.add(x.series(`${i}`), 1)
    })
  const chunks = [...writeText([many(), many()])]
  assert.is(chunks.filter((chunk) => chunk === '').length, 5)
  assert.is(chunks.join('').match(/ 2$/gm)?.length, 2_500)
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
