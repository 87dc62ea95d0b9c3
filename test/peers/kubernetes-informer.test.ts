import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Access, openAccess } from '../../src/kubernetes/access.ts'
import { IDENTITIES } from '../../src/kubernetes/cilium.ts'
import { ApiClient } from '../../src/kubernetes/client.ts'
import { Informer, type InformerOptions } from '../../src/kubernetes/informer.ts'
import type { KubeObject } from '../../src/kubernetes/object.ts'
import type { Resource } from '../../src/kubernetes/resource.ts'
import { installCrds } from '../../src/operator/crds.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects, NAMESPACES, PODS } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'

const informers = suite('informers against a real API server')

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps' }
const TIMING = { firstMs: 50, mostMs: 400, probeMs: 200, watchMs: 60_000 }

let cluster: Cluster
let objects: ClusterObjects
const running: Informer<KubeObject, string>[] = []
const accesses: Access[] = []
const quiet = pino({ level: 'silent' })

type Overrides = Partial<InformerOptions<KubeObject, string>> & { kubeconfig?: string }

/** An informer that keeps the label `v`, and notes what it is told. */
async function watch(resource: Resource, overrides: Overrides = {}) {
  const told: string[] = []
  const lines: string[] = []
  const telemetry = new Telemetry()
  const access = await openAccess({ kubeconfig: overrides.kubeconfig ?? cluster.kubeconfig })
  accesses.push(access)
  const informer = new Informer<KubeObject, string>({
    client: new ApiClient(access, { telemetry, userAgent: 'fovea-test' }),
    telemetry,
    log: pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line).msg) }),
    resource,
    trim: ({ metadata }) => metadata.labels?.v ?? '',
    listener: {
      added: (key, value) => told.push(`+${key}=${value}`),
      updated: (key, value, before) => told.push(`~${key}=${before}>${value}`),
      deleted: (key, value) => told.push(`-${key}=${value}`),
    },
    timing: TIMING,
    ...overrides,
  })
  running.push(informer)
  informer.start()
  return { informer, told, lines, telemetry }
}

function metric(telemetry: Telemetry, name: string): number {
  const family = telemetry.families().find((candidate) => candidate.name === name)
  return [...(family?.ids() ?? [])].reduce((sum, id) => sum + (family?.value(id) ?? 0), 0)
}

function configMap(name: string, v: string): Promise<unknown> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { v } } }
  return objects.client.create(CONFIG_MAPS, { namespace: 'default' }, object)
}

informers.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
})

informers.after(async () => {
  objects?.close()
  await cluster?.stop()
})

informers.after.each(async () => {
  await Promise.all(running.splice(0).map((informer) => informer.stop()))
  for (const access of accesses.splice(0)) access.close()
})

informers('a list of several pages, then changes as they come', async () => {
  for (let i = 0; i < 7; i++) await configMap(`page-${i}`, 'a')
  const { informer, told } = await watch(CONFIG_MAPS, { namespace: 'default', pageSize: 3, labelSelector: 'v' })
  await eventually('the list', () => informer.synced || undefined)
  assert.is(informer.size, 7)
  told.length = 0
  await objects.client.merge(
    CONFIG_MAPS,
    { namespace: 'default', name: 'page-0' },
    { metadata: { labels: { v: 'b' } } },
  )
  await objects.client.delete(CONFIG_MAPS, { namespace: 'default', name: 'page-1' })
  await configMap('page-7', 'c')
  await eventually('three changes', () => told.length === 3 || undefined)
  assert.equal(told, ['~default/page-0=a>b', '-default/page-1=a', '+default/page-7=c'])
})

informers('what is trimmed away is not held', async () => {
  const only = await watch(CONFIG_MAPS, {
    namespace: 'default',
    trim: ({ metadata }) => (metadata.name === 'page-2' ? 'x' : undefined),
  })
  await eventually('the list', () => only.informer.synced || undefined)
  assert.equal([...only.informer.entries()], [['default/page-2', 'x']])
})

informers('watches that end go on where they were, without another list', async () => {
  const { informer, told, telemetry } = await watch(NAMESPACES, { timing: { ...TIMING, watchMs: 1_000 } })
  await eventually('the list', () => informer.synced || undefined)
  const requests = () => metric(telemetry, 'fovea_kubernetes_requests')
  const before = requests()
  await eventually('two more watches', () => requests() >= before + 2 || undefined)
  await objects.namespace('after-two-watches', { v: '1' })
  await eventually('the news', () => told.includes('+after-two-watches=1') || undefined)
  assert.is(metric(telemetry, 'fovea_kubernetes_lists'), 1)
  assert.is(metric(telemetry, 'fovea_kubernetes_watch_errors'), 0)
})

informers('a version that the server has forgotten: all is listed anew, only differences are told', async () => {
  await configMap('goes', 'a')
  await configMap('stays', 'a')
  const { informer, told, telemetry, lines } = await watch(CONFIG_MAPS, { namespace: 'default', labelSelector: 'v' })
  await eventually('the list', () => informer.synced || undefined)
  const held = informer.size
  told.length = 0
  await cluster.stopApiServer()
  const refused = (line: string) => /watch configmaps at https:.*ECONNREFUSED/.test(line)
  await eventually('it to notice', () => lines.find(refused))
  assert.is(informer.state.at, 'waiting')
  cluster.etcdctl('del', '/registry/configmaps/default/goes')
  const revision = JSON.parse(cluster.etcdctl('get', 'x', '-w', 'json')).header.revision
  cluster.etcdctl('compact', String(revision))
  await cluster.startApiServer()
  await configMap('comes', 'b')
  await eventually('both changes', () => told.length === 2 || undefined)
  assert.equal([...told].sort(), ['+default/comes=b', '-default/goes=a'])
  assert.is(informer.size, held)
  assert.is(metric(telemetry, 'fovea_kubernetes_lists'), 2)
  assert.is(lines.filter(refused).length, 1, 'told once')
  assert.ok(lines.includes('watch configmaps: works again'))
})

informers('a CRD that is absent is no fault, and is found when it comes and goes', async () => {
  const { informer, told, telemetry, lines } = await watch(IDENTITIES, { optional: true })
  await eventually('the probe', () => informer.synced || undefined)
  assert.is(informer.state.at, 'absent')
  await installCrds(objects.client, quiet, AbortSignal.timeout(30_000))
  await objects.client.create(
    IDENTITIES,
    {},
    {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumIdentity',
      metadata: { name: '300', labels: { v: '1' } },
      'security-labels': {},
    },
  )
  await eventually('the identity', () => told.includes('+300=1') || undefined)
  cluster.kubectl('delete', 'crd', 'ciliumidentities.cilium.io')
  await eventually('its end', () => told.includes('-300=1') || undefined)
  await eventually('the end of the CRD', () => informer.state.at === 'absent' || undefined)
  assert.is(metric(telemetry, 'fovea_kubernetes_watch_errors'), 0)
  assert.equal(
    lines.filter((line) => line.includes('404')),
    [],
  )
})

informers('an object made again under its name is told as gone and come', async () => {
  const { informer, told } = await watch(PODS)
  await eventually('the list', () => informer.synced || undefined)
  await objects.pod({ name: 'db-0', labels: { v: '1' } })
  await objects.deletePod('default', 'db-0')
  await objects.pod({ name: 'db-0', labels: { v: '2' } })
  await eventually('the second', () => told.includes('+default/db-0=2') || undefined)
  const without = told.filter((line) => !line.startsWith('~'))
  assert.equal(without, ['+default/db-0=1', '-default/db-0=1', '+default/db-0=2'])
})

informers('credentials that end are read anew', async () => {
  cluster.kubectl('create', 'serviceaccount', 'reader')
  cluster.kubectl('create', 'clusterrole', 'reader', '--verb=list,watch', '--resource=namespaces')
  cluster.kubectl('create', 'clusterrolebinding', 'reader', '--clusterrole=reader', '--serviceaccount=default:reader')
  const file = join(cluster.folder, 'reader-token')
  writeFileSync(file, 'no-token')
  const kubeconfig = cluster.writeKubeconfig('reader', `{tokenFile: ${file}}`)
  const { informer, lines } = await watch(NAMESPACES, { kubeconfig })
  await eventually('the refusal', () => lines.find((line) => /does not accept these credentials \(401\)/.test(line)))
  writeFileSync(file, cluster.kubectl('create', 'token', 'reader'))
  await eventually('the list', () => informer.synced || undefined)
  assert.ok(informer.size > 3)
})

informers('a missing permission is named by verb, resource and group', async () => {
  cluster.kubectl('create', 'serviceaccount', 'nobody')
  const kubeconfig = cluster.serviceAccount('default', 'nobody')
  const { lines } = await watch({ group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' }, { kubeconfig })
  const line = await eventually('the refusal', () => lines.find((candidate) => candidate.includes('403')))
  const rule = '{apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list"]}'
  assert.match(line, `may not list endpointslices.discovery.k8s.io cluster-wide: the role lacks ${rule}`)
})

informers('an object that cannot be read is left out, told once and counted; the news behind it come', async () => {
  await configMap('broken', 'x')
  const trim = ({ metadata }: KubeObject) => {
    if (metadata.name === 'broken') throw new TypeError('no such field')
    return metadata.labels?.v ?? ''
  }
  const { informer, told, lines, telemetry } = await watch(CONFIG_MAPS, { trim, namespace: 'default' })
  await eventually('the list', () => informer.synced || undefined)
  const place = { namespace: 'default', name: 'broken' }
  await objects.client.merge(CONFIG_MAPS, place, { metadata: { labels: { v: 'y' } } })
  await configMap('behind', 'z')
  await eventually('what comes after it', () => told.includes('+default/behind=z') || undefined)
  assert.equal(
    lines.filter((line) => line.includes('left out')),
    ['configmaps default/broken is left out: no such field'],
  )
  assert.is(metric(telemetry, 'fovea_kubernetes_watch_errors'), 2)
})

informers.run()
