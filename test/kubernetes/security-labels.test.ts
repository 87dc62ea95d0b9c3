import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LabelFilter } from '../../src/kubernetes/label-filter.ts'
import {
  labelList,
  labelsKey,
  namespaceLabels,
  podLabels,
  securityLabels,
} from '../../src/kubernetes/security-labels.ts'

const labels = suite('security labels')

const filter = new LabelFilter()

labels('are those of pod, namespace, service account and cluster, with their source, sorted', () => {
  const made = securityLabels(
    {
      labels: podLabels({ tier: 'front', app: 'web', 'pod-template-hash': 'x' }, filter),
      namespace: 'shop',
      namespaceLabels: namespaceLabels({ team: 'red' }, filter),
      serviceAccount: 'till',
      cluster: 'east',
    },
    filter,
  )
  assert.equal(Object.entries(made), [
    ['k8s:app', 'web'],
    ['k8s:io.cilium.k8s.namespace.labels.team', 'red'],
    ['k8s:io.cilium.k8s.policy.cluster', 'east'],
    ['k8s:io.cilium.k8s.policy.serviceaccount', 'till'],
    ['k8s:io.kubernetes.pod.namespace', 'shop'],
    ['k8s:tier', 'front'],
  ])
  assert.is(labelList(made)[0], 'k8s:app=web')
})

labels('a pod cannot pretend to be of another namespace, account or cluster', () => {
  const own = podLabels(
    {
      'io.kubernetes.pod.namespace': 'kube-system',
      'io.cilium.k8s.policy.serviceaccount': 'admin',
      'io.cilium.k8s.policy.cluster': 'west',
      'io.cilium.k8s.namespace.labels.team': 'blue',
      'io.cilium.k8s.policy.name': 'all',
      app: 'web',
    },
    filter,
  )
  assert.equal(own, { app: 'web' })
})

labels('the key of a set does not depend on the order', () => {
  assert.is(labelsKey({ 'k8s:b': '2', 'k8s:a': '' }), 'k8s:a=;k8s:b=2;')
  assert.is(labelsKey({ 'k8s:a': '', 'k8s:b': '2' }), 'k8s:a=;k8s:b=2;')
})

labels.run()
