import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Access, openAccess } from '../../src/kubernetes/access.ts'
import { hasStatus } from '../../src/kubernetes/api-error.ts'
import { ApiClient } from '../../src/kubernetes/client.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'
import { accountWith, shippedRole } from '../support/agent-role.ts'
import { makeCertificates } from '../support/certificates.ts'
import { Cluster } from '../support/cluster.ts'
import { ClusterObjects, NAMESPACES } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { RunningProcessor } from '../support/running-processor.ts'
import { MountedServiceAccount } from '../support/service-account.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** The access of a pod, with tokens of TokenRequest that the server really checks. */
const test = suite('access by the service account of a pod')

let cluster: Cluster
let mounted: MountedServiceAccount
let nowMs = Date.now()
const accesses: Access[] = []

test.before(async () => {
  cluster = await Cluster.start()
  accountWith(cluster, 'agent', [shippedRole('agent-cluster-role')])
})

test.before.each(() => {
  mounted = new MountedServiceAccount(cluster, 'fovea', token())
})

test.after.each(() => {
  for (const access of accesses.splice(0)) access.close()
  mounted.remove()
})

test.after(() => cluster?.stop())

/** @param flags of `kubectl create token` */
function token(...flags: readonly string[]): string {
  return cluster.kubectl('create', 'token', 'agent', '-n', 'fovea', ...flags)
}

/** A token that ends with a Secret of that name. */
function boundToken(secret: string): string {
  cluster.kubectl('create', 'secret', 'generic', secret, '-n', 'fovea')
  return token('--bound-object-kind', 'Secret', '--bound-object-name', secret)
}

async function open(): Promise<ApiClient> {
  const { directory } = mounted
  const access = await openAccess({ inCluster: true, serviceAccountDirectory: directory, clock: () => nowMs })
  accesses.push(access)
  return new ApiClient(access, { telemetry: new Telemetry(), userAgent: 'fovea-test' })
}

test('environment and files lead to the API server, as whom they say', async () => {
  const client = await open()
  assert.is(client.access.namespace, 'fovea')
  assert.is(client.access.description, `${cluster.url} (${mounted.directory})`)
  await client.list(NAMESPACES, {})
  const refused = await client
    .create(NAMESPACES, {}, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } })
    .catch((error: Error) => error)
  assert.ok(hasStatus(refused, 403), String(refused))
})

test('a server that another authority signed is not talked to', async () => {
  const folder = new TemporaryFolder()
  mounted.trust(readFileSync(makeCertificates(folder.path).ca, 'utf8'))
  const client = await open()
  const failed = await client.list(NAMESPACES, {}).catch((error: Error) => error)
  assert.match((failed as Error).message, /list namespaces at https:.*certificate/)
  mounted.trust(readFileSync(join(cluster.folder, 'ca.crt'), 'utf8'))
  nowMs += 10_001
  await client.list(NAMESPACES, {})
  folder.remove()
})

test('a token that was replaced is used without the server refusing the old one', async () => {
  const client = await open()
  const before = (await client.access.connection()).headers.Authorization
  mounted.rotate(token('--duration', '20m'))
  assert.is((await client.access.connection()).headers.Authorization, before, 'not read for each request')
  nowMs += 10_001
  assert.is.not((await client.access.connection()).headers.Authorization, before)
  await client.list(NAMESPACES, {})
})

test('a token that the server accepts no more is read anew', async () => {
  mounted.rotate(boundToken('old'))
  const client = await open()
  await client.list(NAMESPACES, {})
  cluster.kubectl('delete', 'secret', 'old', '-n', 'fovea')
  // The server remembers for some seconds that it knew the token.
  await eventually('its end', () =>
    client.list(NAMESPACES, {}).then(
      () => undefined,
      (error) => hasStatus(error, 401) || undefined,
    ),
  )
  mounted.rotate(token())
  await client.list(NAMESPACES, {})
})

test('the processor names pods with nothing but a service account', async () => {
  const objects = await ClusterObjects.open(cluster)
  await objects.pod({ name: 'web', addresses: ['10.1.0.1'] })
  objects.close()
  const settings = { auth_type: 'serviceAccount', service_account_directory: mounted.directory } as const
  const running = await RunningProcessor.start({ ...settings, node_name: 'node-1' })
  try {
    assert.is((await running.source('10.1.0.1')).podName, 'web')
  } finally {
    await running.stop()
  }
})

test('without its files the folder is named', async () => {
  const failed = await openAccess({ inCluster: true, serviceAccountDirectory: '/nowhere' }).catch((error) => error)
  assert.is(failed.message, 'no service account in /nowhere: is this a pod of a Kubernetes cluster?')
})

test.run()
