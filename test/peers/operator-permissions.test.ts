import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openAccess } from '../../src/kubernetes/access.ts'
import { hasStatus } from '../../src/kubernetes/api-error.ts'
import { IDENTITIES } from '../../src/kubernetes/cilium.ts'
import { ApiClient } from '../../src/kubernetes/client.ts'
import type { ObjectMeta } from '../../src/kubernetes/object.ts'
import { MANAGED_BY, MANAGER } from '../../src/operator/managed.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { operatorAccount } from '../support/operator-role.ts'
import { RunningOperator } from '../support/running-operator.ts'

const permissions = suite('operator: permissions and throttling')

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' }
const CLUSTER_ROLES = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles' }
const EVENTS = { group: '', version: 'v1', plural: 'events' }

let cluster: Cluster
let objects: ClusterObjects
let kubeconfig = ''
const running: RunningOperator[] = []

function operator(settings = {}): RunningOperator {
  const made = new RunningOperator({ kubeconfig, namespace: 'fovea', gcGraceMs: 0, ...settings })
  running.push(made)
  return made
}

permissions.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  kubeconfig = operatorAccount(cluster)
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

permissions('a server that throttles everything is waited for', async () => {
  await throttle('*')
  const seatIsFree = occupySeat()
  const own = operator()
  await own.logged(/429/)
  await seatIsFree()
  await unthrottle()
  await own.leading()
  assert.ok(own.metric('fovea_kubernetes_requests', '429') > 0)
})

permissions('a leader that is throttled keeps the Lease, tells of it once and does all its work', async () => {
  const own = operator()
  await own.leading()
  await throttle('cilium.io')
  const pods = Array.from({ length: 20 }, (_, i) => ({ name: `web-${i}`, addresses: [`10.1.0.${i}`] }))
  await Promise.all(pods.map((pod, i) => objects.pod({ ...pod, labels: { app: `app-${i}` } })))
  await eventually('the endpoints', async () => (await objects.endpoints()).length === 20 || undefined)
  assert.is((await objects.identities()).length, 20)
  assert.ok(own.metric('fovea_kubernetes_requests', '429') > 0)
  assert.is(own.metric('fovea_operator_leader'), 1)
  const told = own.lines.filter((line) => /^pod default\/web-\d+: create \S+: 429 .*; trying again$/.test(line))
  assert.ok(told.length >= 1 && told.length <= 2, `told ${told.length} times`)
  await unthrottle()
})

/** One seat for the operator's account, and no queue: of requests at the same time the API server answers all but one with 429. */
async function throttle(group: string): Promise<void> {
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
      resourceRules: [{apiGroups: ["${group}"], resources: ["*"], verbs: ["*"], clusterScope: true, namespaces: ["*"]}]
`)
  const access = await openAccess({ kubeconfig })
  const client = new ApiClient(access, { telemetry: new Telemetry(), userAgent: 'fovea-test' })
  const refused = () =>
    client
      .list(IDENTITIES, {})
      .then(() => false)
      .catch((error) => hasStatus(error, 429))
  await eventually('the API server to throttle', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, refused))
    return answers.includes(true) || undefined
  })
  access.close()
}

/** Other requests of the operator's account, so that its own, one after the other, find the seat taken. Returns what ends them. */
function occupySeat(): () => Promise<void> {
  let ended = false
  const requests = (async () => {
    const access = await openAccess({ kubeconfig })
    const client = new ApiClient(access, { telemetry: new Telemetry(), userAgent: 'fovea-test' })
    while (!ended) await Promise.all(Array.from({ length: 8 }, () => client.list(IDENTITIES, {}).catch(() => {})))
    access.close()
  })()
  return () => {
    ended = true
    return requests
  }
}

async function unthrottle(): Promise<void> {
  cluster.kubectl('delete', 'flowschema', 'no-seats')
  cluster.kubectl('delete', 'prioritylevelconfiguration', 'no-seats')
}

permissions.run()
