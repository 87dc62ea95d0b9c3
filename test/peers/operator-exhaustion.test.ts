import { randomUUID } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { IDENTITIES } from '../../src/kubernetes/cilium.ts'
import { EVENTS } from '../../src/kubernetes/event-recorder.ts'
import { FIRST_IDENTITY, IDENTITY_COUNT } from '../../src/kubernetes/identity-number.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { RunningOperator } from '../support/running-operator.ts'

const exhaustion = suite('operator: every identity is taken')

let cluster: Cluster
let objects: ClusterObjects
let operator: RunningOperator

/** An identity of somebody else as the API server stores it. */
function stored(number: number): [string, string] {
  const object = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumIdentity',
    metadata: { name: `${number}`, uid: randomUUID(), creationTimestamp: '2026-01-02T03:04:05Z', generation: 1 },
    'security-labels': { 'k8s:number': `${number}` },
  }
  return [`/registry/cilium.io/ciliumidentities/${number}`, JSON.stringify(object)]
}

exhaustion.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  await cluster.store(Array.from({ length: IDENTITY_COUNT }, (_, i) => stored(FIRST_IDENTITY + i)))
  operator = new RunningOperator({ kubeconfig: cluster.kubeconfig, installCrds: true })
  await operator.leading()
  assert.is(operator.metric('fovea_operator_identities'), IDENTITY_COUNT)
})

exhaustion.after(async () => {
  await operator?.stop()
  objects?.close()
  await cluster?.stop()
})

exhaustion('a pod that gets none is told of, and gets one as soon as one is free', async () => {
  await objects.pod({ name: 'late', labels: { app: 'late' }, addresses: ['10.1.0.1'] })
  const line = await operator.logged(/^pod default\/late: no identity number is left/)
  assert.is(
    line,
    'pod default/late: no identity number is left: all of 256–65535 are taken; leave out labels that differ from pod to pod (--labels); trying again',
  )
  const event = await eventually('the Event', async () => {
    const events = await objects.list<{ reason: string; message: string; involvedObject: { name: string } }>(EVENTS)
    return events.find(({ reason }) => reason === 'FoveaEndpointFailed')
  })
  assert.is(event.involvedObject.name, 'late')
  assert.match(event.message, 'no identity number is left')
  assert.ok(operator.metric('fovea_operator_identities_exhausted') >= 3)
  assert.is(operator.metric('fovea_operator_queue_depth'), 1)
  await objects.client.delete(IDENTITIES, { name: '31847' })
  const numbers = await eventually('the endpoint', async () => {
    const found = await objects.numbers()
    return Object.keys(found).length > 0 ? found : undefined
  })
  assert.equal(numbers, { 'default/late': 31_847 })
  assert.is(operator.metric('fovea_operator_identities_deleted'), 0, 'what others made stays')
})

exhaustion.run()
