import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ObjectMeta } from '../../src/kubernetes/object.ts'
import { MANAGED_BY, MANAGER } from '../../src/operator/cilium.ts'
import { LEASES } from '../../src/operator/leader-election.ts'
import { root } from '../support/checkout.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { RunningOperator } from '../support/running-operator.ts'

const permissions = suite('operator: permissions, throttling, Cilium beside it')

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' }
const CLUSTER_ROLES = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles' }
const EVENTS = { group: '', version: 'v1', plural: 'events' }
const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments' }

let cluster: Cluster
let objects: ClusterObjects
let kubeconfig = ''
const running: RunningOperator[] = []

function operator(settings = {}): RunningOperator {
  const made = new RunningOperator({ kubeconfig, namespace: 'fovea', gcGraceMs: 0, ...settings })
  running.push(made)
  return made
}

/** The roles that the chart ships, bound to the service account the operator runs as. */
function bindShippedRoles(): void {
  const shipped = ['operator-cluster-role', 'operator-crds-cluster-role', 'operator-role']
  for (const name of shipped) {
    const text = readFileSync(join(root, `helm/fovea/files/${name}.yaml`), 'utf8')
    cluster.apply(text.replace('kind: Role\nmetadata:\n', 'kind: Role\nmetadata:\n  namespace: fovea\n'))
  }
  const subject = 'subjects: [{kind: ServiceAccount, name: fovea-operator, namespace: fovea}]'
  const binding = (kind: string, name: string, role: string) => `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata: {name: ${name}, namespace: fovea}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ${role}, name: ${name}}
${subject}
---
`
  cluster.apply(
    binding('ClusterRoleBinding', 'fovea-operator', 'ClusterRole') +
      binding('ClusterRoleBinding', 'fovea-operator-crds', 'ClusterRole') +
      binding('RoleBinding', 'fovea-operator', 'Role'),
  )
}

permissions.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  await objects.namespace('fovea')
  cluster.kubectl('create', 'serviceaccount', 'fovea-operator', '-n', 'fovea')
  bindShippedRoles()
  kubeconfig = cluster.serviceAccount('fovea', 'fovea-operator')
})

permissions.after(async () => {
  objects?.close()
  await cluster?.stop()
})

permissions.after.each(async () => {
  for (const one of running.splice(0)) await one.stop().catch(() => {}) // tests look at its error themselves
})

permissions('without the CRDs it says what to do and waits', async () => {
  await operator().logged(/CRD ciliumidentities.cilium.io is not installed: install helm\/fovea\/crds, or run with/)
})

permissions('with exactly the roles that ship it installs the CRDs and does all its work', async () => {
  const own = operator({ installCrds: true })
  await own.leading()
  const conditions = (
    await objects.list<{ metadata: ObjectMeta; status: { conditions: { type: string; status: string }[] } }>(
      DEFINITIONS,
    )
  )
    .flatMap(({ status }) => status.conditions)
    .filter(({ type }) => type === 'Established' || type === 'NonStructuralSchema')
  assert.equal(
    conditions.map(({ type, status }) => `${type}=${status}`),
    ['Established=True', 'Established=True', 'Established=True'],
  )
  await objects.pod({ name: 'web', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  await eventually('the endpoint', async () => (await objects.endpoints())[0])
  await objects.run('default', 'web', ['10.1.0.2'])
  await eventually('its update', () => own.metric('fovea_operator_endpoints_updated') === 1 || undefined)
  await objects.deletePod('default', 'web')
  await eventually('the collection', async () => (await objects.identities()).length === 0 || undefined)
  assert.is(own.metric('fovea_kubernetes_requests', '403'), 0, 'nothing was refused')
})

permissions('CRDs of somebody else stay as they are', async () => {
  const name = 'ciliumendpoints.cilium.io'
  const mark = (value: string) => ({ metadata: { annotations: { [MANAGED_BY]: value } } })
  await objects.client.merge(DEFINITIONS, { name }, mark('cilium'))
  await operator({ installCrds: true }).logged(
    /CRD ciliumendpoints.cilium.io is there already and not of this operator/,
  )
  const kept = await objects.client.get<{ metadata: ObjectMeta }>(DEFINITIONS, { name })
  assert.is(kept.metadata.annotations?.[MANAGED_BY], 'cilium')
  await objects.client.merge(DEFINITIONS, { name }, mark(MANAGER))
})

permissions('a missing permission is named, told as an Event, and got over once it is given', async () => {
  const role = { name: 'fovea-operator' }
  const { rules } = await objects.client.get<{ rules: { resources: string[]; verbs: string[] }[] }>(CLUSTER_ROLES, role)
  const lacking = rules.map((rule) =>
    rule.resources.includes('ciliumidentities')
      ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'create') }
      : rule,
  )
  await objects.client.merge(CLUSTER_ROLES, role, { rules: lacking })
  const own = operator()
  await own.leading()
  await objects.pod({ name: 'web', labels: { app: 'web' }, addresses: ['10.1.0.1'] })
  const wanted = `{apiGroups: ["cilium.io"], resources: ["ciliumidentities"], verbs: ["create"]}`
  const line = await own.logged(/may not create/)
  assert.match(
    line,
    `pod default/web: may not create ciliumidentities.cilium.io cluster-wide: the role lacks ${wanted}`,
  )
  const event = await eventually('the Event', async () => {
    const events = await objects.list<{ reason: string; message: string; involvedObject: { name: string } }>(EVENTS)
    return events.find(({ reason }) => reason === 'FoveaEndpointFailed')
  })
  assert.is(event.involvedObject.name, 'web')
  assert.match(event.message, wanted)
  await objects.client.merge(CLUSTER_ROLES, role, { rules })
  await eventually('the endpoint', async () => (await objects.endpoints())[0])
  await objects.deletePod('default', 'web')
  await eventually('its end', async () => (await objects.endpoints()).length === 0 || undefined)
})

permissions('a watch that is not permitted is named too', async () => {
  const role = { name: 'fovea-operator' }
  const { rules } = await objects.client.get<{ rules: { resources: string[]; verbs: string[] }[] }>(CLUSTER_ROLES, role)
  await objects.client.merge(CLUSTER_ROLES, role, {
    rules: rules.filter(({ resources }) => !resources.includes('pods')),
  })
  const own = operator()
  await own.logged(
    /may not list pods cluster-wide: the role lacks \{apiGroups: \[""\], resources: \["pods"\], verbs: \["list"\]\}/,
  )
  await objects.client.merge(CLUSTER_ROLES, role, { rules })
  await own.leading()
})

permissions('a server that throttles is waited for', async () => {
  await throttle()
  const own = operator()
  await own.logged(/429/)
  await unthrottle()
  await own.leading()
  assert.ok(own.metric('fovea_kubernetes_requests', '429') > 0)
})

permissions('beside a Cilium operator it refuses to run unless told to', async () => {
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'cilium-operator-resource-lock', namespace: 'kube-system' },
    spec: {
      holderIdentity: 'cilium-operator-abc',
      leaseDurationSeconds: 15,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    },
  }
  await objects.client.create(LEASES, { namespace: 'kube-system' }, lease)
  const refused = await operator().ended()
  assert.match(
    refused?.message ?? '',
    /a Cilium operator is at work \(lease kube-system\/cilium-operator-resource-lock, renewed by/,
  )
  assert.match(refused?.message ?? '', '--allow-cilium')
  const allowed = operator({ allowCilium: true })
  await allowed.leading()
  await allowed.stop()
  await objects.client.delete(LEASES, { namespace: 'kube-system', name: 'cilium-operator-resource-lock' })
  const selector = { matchLabels: { a: 'b' } }
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cilium-operator' },
    spec: { selector, template },
  }
  await objects.client.create(DEPLOYMENTS, { namespace: 'kube-system' }, deployment)
  const place = { namespace: 'kube-system', name: 'cilium-operator' }
  await objects.client.merge(
    DEPLOYMENTS,
    { ...place, subresource: 'status' },
    { status: { replicas: 1, readyReplicas: 1 } },
  )
  const again = await operator().ended()
  assert.match(again?.message ?? '', 'deployment kube-system/cilium-operator with 1 ready replicas')
  await objects.client.delete(DEPLOYMENTS, place)
})

/** A priority level without any seats for the operator's account: the API server answers 429 with Retry-After. */
async function throttle(): Promise<void> {
  cluster.apply(`apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: no-seats}
spec: {type: Limited, limited: {nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: no-seats}
spec:
  priorityLevelConfiguration: {name: no-seats}
  matchingPrecedence: 2
  distinguisherMethod: {type: ByUser}
  rules:
    - subjects: [{kind: ServiceAccount, serviceAccount: {name: fovea-operator, namespace: fovea}}]
      resourceRules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"], clusterScope: true, namespaces: ["*"]}]
`)
  const { client } = objects
  await eventually('the API server to throttle', async () => {
    const levels = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1', plural: 'flowschemas' }
    const found = await client.get<{ status?: { conditions?: unknown[] } }>(levels, { name: 'no-seats' })
    return found.status?.conditions
  })
}

async function unthrottle(): Promise<void> {
  cluster.kubectl('delete', 'flowschema', 'no-seats')
  cluster.kubectl('delete', 'prioritylevelconfiguration', 'no-seats')
}

permissions.run()
