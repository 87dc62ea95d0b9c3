import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../../../src/flow/batch.ts'
import { EndpointTable, endpoint } from '../../../../src/flow/endpoint.ts'
import { Ends } from '../../../../src/flow/ends.ts'
import { LocalAddresses } from '../../../../src/flow/local-addresses.ts'
import { Family } from '../../../../src/metrics/family.ts'
import { SeriesCache } from '../../../../src/metrics/series-cache.ts'
import { contextLabels } from '../../../../src/processors/hubble_metrics/contexts/context-labels.ts'
import { CONTEXT_LABELS, readContexts } from '../../../../src/processors/hubble_metrics/contexts/context-options.ts'
import { EndSources } from '../../../../src/processors/hubble_metrics/contexts/end-sources.ts'
import { exactLabels } from '../../../../src/processors/hubble_metrics/contexts/exact-labels.ts'
import { IDENTIFIERS } from '../../../../src/processors/hubble_metrics/contexts/identifiers.ts'
import { flowBatch, TCP_SYN } from '../../../support/flows.ts'
import { FIRST_MS, generatedBatch } from '../../../support/generated-flows.ts'
import { naiveContexts } from '../../../support/naive-contexts.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

type Options = ReadonlyMap<string, readonly string[]>

const list = fc.uniqueArray(fc.constantFrom(...IDENTIFIERS), { maxLength: 4 })
const options: fc.Arbitrary<Options> = fc
  .record({
    sourcecontext: fc.option(list, { nil: undefined }),
    sourceingresscontext: fc.option(list, { nil: undefined }),
    sourceegresscontext: fc.option(list, { nil: undefined }),
    destinationcontext: fc.option(list, { nil: undefined }),
    destinationingresscontext: fc.option(list, { nil: undefined }),
    destinationegresscontext: fc.option(list, { nil: undefined }),
    labelscontext: fc.option(fc.subarray([...CONTEXT_LABELS]), { nil: undefined }),
  })
  .map((written) => new Map(Object.entries(written).flatMap(([name, values]) => (values ? [[name, values]] : []))))

/** A counter as handlers have them: by verdict, and whatever the contexts say. */
function counter(options: Options, ends: Ends, swapped: boolean) {
  const labels = contextLabels(readContexts(options), new EndSources(ends), swapped)
  const names = labels?.names ?? []
  const family = new Family({ name: 'x', help: '', kind: 'counter', labels: ['verdict', ...names], limit: 1_000_000 })
  const series = new SeriesCache(family, (key) => [String(key)], labels)
  const count = (batch: FlowBatch) => {
    labels?.begin(batch)
    series.refresh()
    for (let i = 0; i < batch.length; i++) family.add(series.id(labels?.id(i) ?? 0, batch.columns.verdict[i]!), 1)
    labels?.end()
  }
  return { family, count }
}

function counted(family: Family): Record<string, number> {
  const found: Record<string, number> = {}
  for (const id of family.ids()) {
    const values = family.labelValues(id)!
    const labels = family.labels.map((name, i) => [name, values[i]!] as const)
    found[keyOf(Object.fromEntries(labels))] = family.value(id)
  }
  return found
}

const keyOf = (labels: Record<string, string>) => JSON.stringify(Object.entries(labels).sort())

const counting = suite('context labels')

counting('counts of random flows, with any options, are those of an object for each flow', async () => {
  await fc.assert(
    fc.asyncProperty(
      options,
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 4 }),
      async (wanted, swapped, seeds) => {
        const table = new EndpointTable()
        const ends = new Ends(table, new LocalAddresses(() => ['10.1.0.1']))
        ends.refresh()
        const { family, count } = counter(wanted, ends, swapped)
        const want: Record<string, number> = {}
        for (const seed of seeds) {
          const batch = generatedBatch(table, { seed, count: 40, firstMs: FIRST_MS })
          for (let row = 0; row < batch.length; row++) {
            const verdict = String(batch.columns.verdict[row])
            const key = keyOf({ verdict, ...naiveContexts(wanted, ends, batch, row, swapped) })
            want[key] = (want[key] ?? 0) + 1
          }
          count(batch)
          // Ids become other endpoints': what was remembered of them is void.
          for (let id = 3; id < table.size; id += 2) table.retire(id)
          table.reclaim()
          await setImmediate()
          collect()
          table.reclaim()
        }
        assert.equal(counted(family), want)
      },
    ),
    { numRuns: 60 },
  )
})

counting('an id that becomes another endpoint’s is read again', async () => {
  const table = new EndpointTable()
  const { family, count } = counter(new Map([['sourcecontext', ['pod']]]), new Ends(table), false)
  const row = (id: number) => {
    const batch = flowBatch([TCP_SYN])
    batch.columns.sourceEndpoint[0] = id
    return batch
  }
  const id = table.add(endpoint({ namespace: 'a', podName: 'old' }))
  count(row(id))
  table.retire(id)
  table.reclaim()
  await setImmediate()
  collect()
  table.reclaim()
  assert.is(table.add(endpoint({ namespace: 'a', podName: 'new' })), id)
  count(row(id))
  const sources = [...family.ids()].map((series) => family.labelValues(series)?.[1])
  assert.equal(sources, ['a/old', 'a/new'])
})

counting('addresses and names beyond what is remembered are still told apart', () => {
  const options = new Map([['labelscontext', ['source_ip', 'destination_ip']]])
  const { family, count } = counter(options, new Ends(), false)
  const rows = (from: number) =>
    flowBatch(
      Array.from({ length: 12_000 }, (_, i) => ({
        ...TCP_SYN,
        source: `10.${(from + i) >> 16}.${((from + i) >> 8) & 0xff}.${(from + i) & 0xff}`,
      })),
    )
  for (let round = 0; round < 2; round++) for (let from = 0; from < 84_000; from += 12_000) count(rows(from))
  assert.is(family.size, 84_000)
  for (const id of family.ids()) if (family.value(id) !== 2) assert.is(family.value(id), 2)
})

counting('contexts are read in Hubble’s words, in any case; others are refused with what is allowed', () => {
  const read = (name: string, ...values: string[]) => readContexts(new Map([[name, values]]))
  assert.equal(read('sourcecontext', 'Pod', 'IP').source, { both: ['pod', 'ip'], ingress: [], egress: [] })
  assert.equal(read('labelscontext', 'traffic_direction', 'source_ip').labels, ['source_ip', 'traffic_direction'])
  assert.throws(() => read('destinationegresscontext', 'pods'), /^unknown context 'pods' \(valid values: \[identity /)
  assert.throws(() => read('labelscontext', 'Source_ip'), /^invalid labelsContext value: Source_ip \(valid values: /)
})

counting('the exact series say of both ends what their level asks for', () => {
  const table = new EndpointTable()
  const pod = table.add(
    endpoint({
      namespace: 'shop',
      podName: 'cart-1',
      labels: ['k8s:app=cart'],
      workloads: [{ name: 'cart', kind: 'Deployment' }],
      service: { name: 'cart-svc', namespace: 'shop' },
      nodeName: 'n1',
      zone: 'z1',
    }),
  )
  const batch = flowBatch([{ ...TCP_SYN, destination: '192.0.2.7', destinationNames: 'example.com' }])
  batch.columns.sourceEndpoint[0] = pod
  const told = (level: 'none' | 'namespace' | 'workload' | 'pod', dns = false) => {
    const labels = exactLabels(level, dns, new EndSources(new Ends(table)))
    if (labels === undefined) return ''
    labels.begin(batch)
    const values = labels.values(labels.id(0))
    return labels.names.map((name, i) => `${name}=${values[i]}`).join(' ')
  }
  assert.is(told('none'), '')
  assert.is(told('none', true), 'source_dns= destination_dns=example.com')
  const source = 'source_namespace=shop source_zone=z1 source_reserved='
  const destination = 'destination_namespace= destination_zone= destination_reserved=world'
  assert.is(told('namespace'), `${source} ${destination}`)
  assert.match(
    told('workload'),
    'source_workload=cart source_workload_kind=Deployment source_service=cart-svc source_node=n1',
  )
  assert.match(told('pod'), 'source_node=n1 source_pod=cart-1 destination_namespace=')
})

counting.run()
