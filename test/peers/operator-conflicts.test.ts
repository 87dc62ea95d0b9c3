import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hasStatus } from '../../src/kubernetes/api-error.ts'
import { ENDPOINTS, IDENTITIES } from '../../src/kubernetes/cilium.ts'
import { labelsKey } from '../../src/kubernetes/security-labels.ts'
import { installCrds } from '../../src/operator/crds.ts'
import { EndpointObjects } from '../../src/operator/endpoint-objects.ts'
import { IdentityAllocator } from '../../src/operator/identity-allocator.ts'
import { IdentityCollector } from '../../src/operator/identity-collector.ts'
import { IdentityIndex } from '../../src/operator/identity-index.ts'
import type { Pod } from '../../src/operator/pod.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'

/** What happens when another writer was faster than the watch: the API server's own answers. */
const conflicts = suite('operator: conflicts')

const log = pino({ level: 'silent' })
const { signal } = new AbortController()

let cluster: Cluster
let objects: ClusterObjects

conflicts.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  await installCrds(objects.client, log, signal)
})

conflicts.after(async () => {
  objects?.close()
  await cluster?.stop()
})

function allocator(): { index: IdentityIndex; own: IdentityAllocator } {
  const index = new IdentityIndex()
  return { index, own: new IdentityAllocator(objects.client, index, new Telemetry()) }
}

conflicts('allocators that know nothing of each other, all at once, give each label set one number', async () => {
  const sets = Array.from({ length: 50 }, (_, i) => ({ 'k8s:app': `app-${i}` }))
  const all = Array.from({ length: 8 }, allocator)
  const given = await Promise.all(all.map(({ own }) => Promise.all(sets.map((labels) => own.acquire(labels, signal)))))
  for (const numbers of given)
    assert.equal(
      numbers.map(({ number }) => number),
      given[0]?.map(({ number }) => number),
    )
  assert.is(new Set(given[0]?.map(({ number }) => number)).size, 50)
  assert.is((await objects.identities()).length, 50)
})

conflicts('a number that other labels have taken is left to them, and the next one tried', async () => {
  const labels = { 'k8s:app': 'wanted' }
  const first = await allocator().own.acquire(labels, signal)
  await objects.client.delete(IDENTITIES, { name: `${first.number}` })
  const taken = { apiVersion: 'cilium.io/v2', kind: 'CiliumIdentity', metadata: { name: `${first.number}` } }
  await objects.client.create(IDENTITIES, {}, { ...taken, 'security-labels': { 'k8s:app': 'other' } })
  const { index, own } = allocator()
  const second = await own.acquire(labels, signal)
  assert.is(second.number, first.number + 1)
  assert.is(index.get(first.number)?.key, labelsKey({ 'k8s:app': 'other' }))
})

conflicts('an identity that is taken up while it is collected stays', async () => {
  const { index, own } = allocator()
  const labels = { 'k8s:app': 'revived' }
  const { number } = await own.acquire(labels, signal)
  const options = { client: objects.client, log, telemetry: new Telemetry(), graceMs: 0 }
  const collector = new IdentityCollector({ ...options, index, used: () => new Set() })
  await collector.pass(signal)
  const marked = index.get(number)
  assert.ok(marked?.unusedSince)
  // Another operator takes the mark off; this one's watch has not brought it yet.
  const other = allocator()
  other.index.put(marked)
  await other.own.acquire(labels, signal)
  await collector.pass(signal)
  const left = await objects.client.get<{ metadata: { annotations?: object } }>(IDENTITIES, { name: `${number}` })
  assert.not.ok(JSON.stringify(left.metadata.annotations ?? {}).includes('unused-since'))
})

conflicts(
  'an endpoint that somebody else has changed since is not overwritten unseen, and put right when it is seen',
  async () => {
    const changed: string[] = []
    const open = () =>
      new EndpointObjects({
        client: objects.client,
        telemetry: new Telemetry(),
        log,
        changed: (key) => changed.push(key),
      })
    const pod: Pod = {
      namespace: 'default',
      name: 'web',
      uid: await objects.pod({ name: 'web', addresses: ['10.1.0.1'] }),
      labels: {},
      serviceAccount: '',
      hostIp: '10.0.0.1',
      addresses: ['10.1.0.1'],
      ports: [],
    }
    const labels = { 'k8s:app': 'web' }
    const sink = open()
    sink.informer.start()
    await eventually('the list', () => sink.informer.synced || undefined)
    await sink.put('default/web', { pod, identity: 300, labels }, signal)
    await eventually('its watch event', () => sink.informer.get('default/web') ?? undefined)
    await sink.stop()
    const place = { namespace: 'default', name: 'web' }
    await objects.client.merge(ENDPOINTS, place, { metadata: { labels: { by: 'hand' } } })
    const late = await sink.put('default/web', { pod, identity: 301, labels }, signal).catch((error) => error)
    assert.ok(hasStatus(late, 409), String(late))
    assert.equal(await objects.numbers(), { 'default/web': 300 })
    const again = open()
    again.informer.start()
    await eventually('the list', () => again.informer.synced || undefined)
    await again.put('default/web', { pod, identity: 301, labels }, signal)
    assert.equal(await objects.numbers(), { 'default/web': 301 })
    await again.stop()
  },
)

conflicts.run()
