import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ENDPOINT_SLICES, ENDPOINTS, IDENTITIES } from '../../src/kubernetes/cilium.ts'
import type { KubeObject } from '../../src/kubernetes/object.ts'
import type { Resource } from '../../src/kubernetes/resource.ts'
import { LEASES } from '../../src/operator/leader-election.ts'
import { ciliumCrd } from '../support/cilium-module.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { operatorAccount } from '../support/operator-role.ts'
import { RunningOperator } from '../support/running-operator.ts'

const beside = suite('operator: Cilium beside it')

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments' }

let cluster: Cluster
let objects: ClusterObjects
let kubeconfig = ''
const running: RunningOperator[] = []

function operator(settings = {}): RunningOperator {
  const made = new RunningOperator({ kubeconfig, namespace: 'fovea', installCrds: true, ...settings })
  running.push(made)
  return made
}

beside.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  kubeconfig = operatorAccount(cluster)
  await objects.namespace('cilium')
})

beside.after(async () => {
  objects?.close()
  await cluster?.stop()
})

beside.after.each(async () => {
  for (const one of running.splice(0)) await one.stop().catch(() => {}) // tests look at its error themselves
})

function lease(renewedMs: number): object {
  const renewTime = new Date(renewedMs).toISOString().replace('Z', '000Z')
  const spec = { holderIdentity: 'cilium-operator-abc', leaseDurationSeconds: 15, renewTime }
  const metadata = { name: 'cilium-operator-resource-lock' }
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }
}

function deployment(replicas: number): object {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const spec = { replicas, selector: { matchLabels: { a: 'b' } }, template }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'cilium-operator' }, spec }
}

const LEASE_PLACE = { namespace: 'cilium', name: 'cilium-operator-resource-lock' }

beside('a Lease that Cilium renews, in whatever namespace, keeps it from running unless it is told to', async () => {
  await objects.client.create(LEASES, { namespace: 'cilium' }, lease(Date.now()))
  const refused = await operator().ended()
  assert.match(
    refused?.message ?? '',
    /^a Cilium operator is at work \(lease cilium\/cilium-operator-resource-lock, renewed by cilium-operator-abc at .*--allow-cilium$/,
  )
  await operator({ allowCilium: true }).leading()
  await objects.client.delete(LEASES, LEASE_PLACE)
})

beside('a Lease that nobody has renewed for long is none', async () => {
  await objects.client.create(LEASES, { namespace: 'cilium' }, lease(Date.now() - 3_600_000))
  await operator().leading()
  await objects.client.delete(LEASES, LEASE_PLACE)
})

beside('its Deployment counts even before it is ready, and not when it is scaled to nothing', async () => {
  const place = { namespace: 'cilium', name: 'cilium-operator' }
  await objects.client.create(DEPLOYMENTS, { namespace: 'cilium' }, deployment(2))
  const refused = await operator().ended()
  assert.match(refused?.message ?? '', 'deployment cilium/cilium-operator of 2 replicas, 0 ready')
  await objects.client.merge(DEPLOYMENTS, place, { spec: { replicas: 0 } })
  await operator().leading()
  await objects.client.delete(DEPLOYMENTS, place)
})

beside('one that appears later ends it', async () => {
  const own = operator()
  await own.leading()
  await objects.client.create(LEASES, { namespace: 'cilium' }, lease(Date.now()))
  assert.match((await own.ended())?.message ?? '', 'a Cilium operator is at work (lease cilium/')
  await objects.client.delete(LEASES, LEASE_PLACE)
})

type Written = Record<string, unknown> & { metadata: { name: string; labels?: Record<string, string> } }

/** Objects as Cilium's agents and operator write them, with every field that they fill. */
const written: { resource: Resource; namespace?: string; object: Written }[] = [
  {
    resource: IDENTITIES,
    object: {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumIdentity',
      metadata: { name: '31847', labels: { app: 'web', 'io.kubernetes.pod.namespace': 'default' } },
      'security-labels': { 'k8s:app': 'web', 'k8s:io.kubernetes.pod.namespace': 'default', 'cidr:10.0.0.0/8': '' },
    },
  },
  {
    resource: ENDPOINTS,
    namespace: 'default',
    object: {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumEndpoint',
      metadata: { name: 'theirs', labels: { app: 'web' } },
      status: {
        id: 1_721,
        state: 'ready',
        controllers: [
          {
            name: 'sync-to-k8s-ciliumendpoint (1721)',
            uuid: '7e0aee4b-6c49-4c2c-9e9b-7a7a0d3b9a1c',
            configuration: { 'error-retry': true, 'error-retry-base': 1_000_000_000, interval: 10_000_000_000 },
            status: { 'failure-count': 3, 'consecutive-failure-count': 1, 'last-failure-msg': 'refused' },
          },
        ],
        'external-identifiers': {
          'cni-attachment-id': '0f2b:eth0',
          'container-id': '0f2b',
          'k8s-namespace': 'default',
          'k8s-pod-name': 'theirs',
          'pod-name': 'default/theirs',
        },
        health: { bpf: 'OK', connected: true, overallHealth: 'OK', policy: 'OK' },
        identity: { id: 31_847, labels: ['k8s:app=web', 'k8s:io.kubernetes.pod.namespace=default'] },
        log: [{ code: 'ok', message: 'regenerated', state: 'ready', timestamp: '2026-01-02T03:04:05Z' }],
        networking: { addressing: [{ ipv4: '10.1.0.9', ipv6: 'fd00::9' }], node: '10.0.0.1' },
        encryption: { key: 3 },
        policy: {
          ingress: {
            enforcing: true,
            state: 'enforcing',
            allowed: [{ identity: 1, 'identity-labels': { reserved: 'host' }, 'dest-port': 80, protocol: 6 }],
            denied: [{ identity: 2 }],
          },
          egress: { enforcing: false, state: '<status disabled>' },
        },
        'named-ports': [{ name: 'http', port: 8_080, protocol: 'TCP' }],
        'service-account': 'web',
      },
    },
  },
  {
    resource: ENDPOINT_SLICES,
    object: {
      apiVersion: 'cilium.io/v2alpha1',
      kind: 'CiliumEndpointSlice',
      metadata: { name: 'ces-9fk4lq2bz-x7d2m' },
      namespace: 'default',
      endpoints: [
        {
          name: 'theirs',
          id: 31_847,
          networking: { addressing: [{ ipv4: '10.1.0.9', ipv6: 'fd00::9' }], node: '10.0.0.1' },
          encryption: { key: 3 },
          'named-ports': [{ name: 'http', port: 8_080, protocol: 'TCP' }],
          'service-account': 'web',
        },
      ],
    },
  },
]

/** An object without what the API server adds. */
function said(object: KubeObject): object {
  const { name, labels, annotations, ownerReferences } = object.metadata
  const metadata = JSON.parse(JSON.stringify({ name, labels, annotations, ownerReferences }))
  return { ...object, metadata }
}

beside("objects as Cilium writes them are valid by fovea's definitions, to the last field", async () => {
  await operator().leading()
  for (const { resource, namespace, object } of written) {
    const place = { ...(namespace && { namespace }), query: { fieldValidation: 'Strict' } }
    await objects.client.create(resource, place, object)
    const { name } = object.metadata
    const kept = await objects.client.get<KubeObject>(resource, { ...(namespace && { namespace }), name })
    assert.equal(said(kept), object)
  }
  // The operator leaves them alone, also when a pod asks for the same name.
  await objects.pod({ name: 'theirs', labels: { app: 'web' }, addresses: ['10.1.0.9'] })
  await eventually('the write left out', () => running[0]?.metric('fovea_operator_endpoints_foreign') || undefined)
  const kept = await objects.client.get<KubeObject>(ENDPOINTS, { namespace: 'default', name: 'theirs' })
  assert.equal(said(kept), written[1]?.object)
  await objects.deletePod('default', 'theirs')
})

beside("what fovea writes is valid by Cilium's own definitions, to the last field", async () => {
  cluster.kubectl('delete', 'crd', 'ciliumidentities.cilium.io', 'ciliumendpoints.cilium.io')
  cluster.kubectl('delete', 'crd', 'ciliumendpointslices.cilium.io')
  for (const name of ['v2/ciliumidentities', 'v2/ciliumendpoints', 'v2alpha1/ciliumendpointslices'])
    cluster.apply(await ciliumCrd(name))
  const own = operator()
  await own.leading()
  for (const name of ['ciliumidentities', 'ciliumendpoints', 'ciliumendpointslices'])
    await own.logged(new RegExp(`CRD ${name}.cilium.io is there already and not of this operator: left as it is`))
  const ports = [{ name: 'http', containerPort: 8_080 }]
  const uid = await objects.pod({ name: 'web', labels: { app: 'web' }, addresses: ['10.1.0.5', 'fd00::5'], ports })
  const endpoint = await eventually('the endpoint', async () => (await objects.endpoints())[0])
  const [identity] = await objects.identities()
  assert.equal(endpoint.metadata.ownerReferences, [{ apiVersion: 'v1', kind: 'Pod', name: 'web', uid }])
  assert.equal(endpoint.status, {
    id: endpoint.status?.id,
    state: 'ready',
    identity: { id: Number(identity?.metadata.name), labels: endpoint.status?.identity?.labels },
    networking: { addressing: [{ ipv4: '10.1.0.5', ipv6: 'fd00::5' }], node: '10.0.0.1' },
    'named-ports': [{ name: 'http', port: 8_080, protocol: 'TCP' }],
    'service-account': 'default',
  })
  assert.ok(endpoint.status?.id)
  await own.stop()
  await operator({ endpointSlices: true }).leading()
  const slice = await eventually('the slice', async () => (await objects.slices())[0])
  assert.equal(slice.endpoints, [
    {
      name: 'web',
      id: Number(identity?.metadata.name),
      networking: endpoint.status?.networking,
      'named-ports': endpoint.status?.['named-ports'],
      'service-account': 'default',
    },
  ])
})

beside.run()
