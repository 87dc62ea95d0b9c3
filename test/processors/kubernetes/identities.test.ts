import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runningPod, TestCluster, type Written } from '../../support/kubernetes-model.ts'

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

/** A CiliumEndpointSlice of pods of the namespace `default`. */
function endpointSlice(name: string, ...endpoints: readonly { name: string; id: number; ip: string }[]): Written {
  return {
    metadata: { name },
    namespace: 'default',
    endpoints: endpoints.map(({ ip, ...rest }) => ({ ...rest, networking: { addressing: [{ ipv4: ip }] } })),
  }
}

identities('a CiliumEndpointSlice says the number unless a CiliumEndpoint does, and more than a CiliumIdentity', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.1'], { labels: { app: 'web' } }))
  cluster.put('ciliumIdentity', { metadata: { name: '300' }, 'security-labels': LABELS })
  cluster.put('ciliumIdentity', { metadata: { name: '301' }, 'security-labels': { 'k8s:team': 'a' } })
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-1', { name: 'web', id: 301, ip: '10.1.0.1' }))
  assert.equal([cluster.end('10.1.0.1')?.identity, cluster.end('10.1.0.1')?.labels], [301, ['k8s:team=a']])
  const endpoint = { metadata: { name: 'web' }, status: { id: 9, identity: { id: 302 } } }
  cluster.put('ciliumEndpoint', endpoint)
  assert.is(cluster.end('10.1.0.1')?.identity, 302)
  cluster.remove('ciliumEndpoint', endpoint)
  assert.is(cluster.end('10.1.0.1')?.identity, 301)
  cluster.remove('ciliumEndpointSlice', endpointSlice('ces-1'))
  assert.is(cluster.end('10.1.0.1')?.identity, 300)
})

identities('a pod that moves between slices keeps its number, whichever is told first', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('web', ['10.1.0.1']))
  const entry = { name: 'web', id: 301, ip: '10.1.0.1' }
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-1', entry))
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-2', entry))
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-1'))
  assert.is(cluster.end('10.1.0.1')?.identity, 301)
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-1', { ...entry, id: 302 }))
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-1'))
  assert.is(cluster.end('10.1.0.1')?.identity, 301)
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-2', { ...entry, id: 303 }))
  assert.is(cluster.end('10.1.0.1')?.identity, 303)
})

identities('a slice’s entry of the pod before one of the same name does not count, nor one without number', () => {
  const cluster = new TestCluster()
  cluster.put('pod', runningPod('db-0', ['10.1.0.2'], { uid: 'b' }))
  const computed = cluster.end('10.1.0.2')?.identity
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-1', { name: 'db-0', id: 301, ip: '10.1.0.1' }))
  assert.is(cluster.end('10.1.0.2')?.identity, computed)
  cluster.put('ciliumEndpointSlice', endpointSlice('ces-1', { name: 'db-0', id: 0, ip: '10.1.0.2' }))
  assert.is(cluster.end('10.1.0.2')?.identity, computed)
})

identities.run()
