import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runningPod, TestCluster } from '../../support/kubernetes-model.ts'

const identities = suite('identities')

const LABELS = {
  'k8s:app': 'web',
  'k8s:io.cilium.k8s.policy.cluster': 'default',
  'k8s:io.cilium.k8s.policy.serviceaccount': 'default',
  'k8s:io.kubernetes.pod.namespace': 'default',
}

identities('the number of a CiliumIdentity with the same labels counts, that of the pod’s CiliumEndpoint more', () => {
  const cluster = new TestCluster()
  const web = runningPod('web', ['10.1.0.1'], { labels: { app: 'web' } })
  cluster.put('pod', web)
  const computed = cluster.end('10.1.0.1')!.identity
  cluster.put('ciliumIdentity', { metadata: { name: '300' }, 'security-labels': LABELS })
  cluster.model.sweep()
  assert.is(cluster.end('10.1.0.1')?.identity, 300)
  const endpoint = { metadata: { name: 'web' }, status: { id: 9, identity: { id: 301 } } }
  cluster.put('ciliumEndpoint', endpoint)
  assert.equal([cluster.end('10.1.0.1')?.identity, cluster.end('10.1.0.1')?.localId], [301, 9])
  cluster.remove('ciliumEndpoint', endpoint)
  cluster.remove('ciliumIdentity', { metadata: { name: '300' } })
  cluster.model.sweep()
  assert.is(cluster.end('10.1.0.1')?.identity, computed)
})

identities('labels are those of the identity that the endpoint has', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'web' } }))
  cluster.put('ciliumIdentity', { metadata: { name: '400' }, 'security-labels': { 'k8s:team': 'a' } })
  cluster.put('ciliumEndpoint', { metadata: { name: 'web' }, status: { identity: { id: 400 } } })
  assert.equal(cluster.end('10.1.0.1')?.labels, ['k8s:team=a'])
})

identities.run()
