import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LEASES, type Lease } from '../../src/operator/leader-election.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { OperatorProcess } from '../support/operator-process.ts'
import { operatorAccount } from '../support/operator-role.ts'

const takeover = suite('operator: a leader that dies')

let cluster: Cluster
let objects: ClusterObjects
let kubeconfig = ''
const replicas: OperatorProcess[] = []

function replica(): OperatorProcess {
  const times = ['--lease-duration', '3s', '--renew-deadline', '2s', '--retry-period', '300ms']
  const made = new OperatorProcess(['--kubeconfig', kubeconfig, '--namespace', 'fovea', '--install-crds', ...times])
  replicas.push(made)
  return made
}

async function makePods(from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i)
  await Promise.all(
    numbers.map((i) => objects.pod({ name: `p-${i}`, labels: { app: `app-${i % 20}` }, addresses: [`10.1.0.${i}`] })),
  )
}

takeover.before(async () => {
  cluster = await Cluster.start()
  objects = await ClusterObjects.open(cluster)
  kubeconfig = operatorAccount(cluster)
})

takeover.after(async () => {
  await Promise.all(replicas.map((one) => one.stop('SIGKILL')))
  objects?.close()
  await cluster?.stop()
})

takeover('killed in the middle of its work, another takes over and every number stays', async () => {
  const first = replica()
  await eventually('the first to lead', async () => (await first.metrics()).get('fovea_operator_leader') || undefined)
  const second = replica()
  await eventually('the second to stand by', () => second.output.includes('standing by') || undefined)
  await makePods(1, 101)
  const early = await eventually('some endpoints', async () => {
    const numbers = await objects.numbers()
    return Object.keys(numbers).length > 0 ? numbers : undefined
  })
  await first.stop('SIGKILL')
  await makePods(101, 121)
  const numbers = await eventually('all endpoints', async () => {
    const found = await objects.numbers()
    return Object.keys(found).length === 120 ? found : undefined
  })
  for (const [pod, number] of Object.entries(early)) assert.is(numbers[pod], number)
  assert.is(new Set(Object.values(numbers)).size, 20, 'one identity for each label set')
  assert.is((await objects.identities()).length, 20)
  const lease = await objects.client.get<Lease>(LEASES, { namespace: 'fovea', name: 'fovea-operator' })
  assert.is(lease.spec.leaseTransitions, 1)
  assert.is((await second.metrics()).get('fovea_operator_leader'), 1)
})

takeover.run()
