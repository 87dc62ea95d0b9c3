import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../../src/flow/endpoint.ts'
import { KeptBatch } from '../../../src/flow/kept-batch.ts'
import { LocalAddresses } from '../../../src/flow/local-addresses.ts'
import { BatchNamer } from '../../../src/processors/kubernetes/batch-namer.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { runningPod, slice, TestCluster } from '../../support/kubernetes-model.ts'

const test = suite('names of kept flows')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const PODS = 12

/** A flow as it was kept, and the ends it showed then. */
interface Kept {
  batch: KeptBatch
  ends: [Endpoint, Endpoint]
}

test('kept flows show what they showed, whatever changes meanwhile, and ids are used again', async () => {
  const cluster = new TestCluster({ limits: { historyMs: 20_000, maxHistory: 100_000 } })
  const { table, model } = cluster
  const namer = new BatchNamer(table, model, new LocalAddresses(() => []))
  cluster.put('service', { metadata: { name: 'shop' }, spec: { clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }] } })
  const addresses = Array.from({ length: PODS }, (_, i) => `10.1.0.${i}`)
  cluster.put('slice', slice('shop-1', 'shop', addresses.slice(0, 6), [80]))
  const kept: Kept[] = []
  let seed = 7
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  let highest = 0
  for (let step = 0; step < 3_000; step++) {
    cluster.nowMs += 100
    const i = random(PODS)
    const uid = `u${i}-${Math.floor(step / 200)}`
    cluster.put('pod', runningPod(`pod-${i}`, [addresses[i]!], { labels: { app: `a${random(4)}` }, uid }))
    const row = { ...TCP_SYN, source: addresses[random(PODS)]!, destination: addresses[i]!, timeMs: cluster.nowMs }
    const batch = flowBatch([row])
    namer.name(batch, false)
    const { sourceEndpoint, destinationEndpoint } = batch.columns
    const ends: [Endpoint, Endpoint] = [table.get(sourceEndpoint[0]!), table.get(destinationEndpoint[0]!)]
    kept.push({ batch: new KeptBatch(batch), ends })
    batch.release()
    if (kept.length > 100 + random(100)) kept.splice(0, random(150))
    if (step % 20 !== 0) continue
    model.sweep()
    await setImmediate()
    if (step % 60 === 0) collect()
    for (const { batch: one, ends: then } of kept) {
      const columns = one.batch.columns
      assert.is(table.get(columns.sourceEndpoint[0]!), then[0])
      assert.is(table.get(columns.destinationEndpoint[0]!), then[1])
    }
    highest = Math.max(highest, table.size)
  }
  assert.ok(highest < 1_200, `${highest} ids for some 5,000 endpoints`)
})

test.run()
