import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LabelFilter } from '../../src/kubernetes/label-filter.ts'

const filters = suite('label filter')

const NAMESPACE = 'io.kubernetes.pod.namespace'

const cases = [
  { name: 'labels of users count', user: [], keeps: ['app', 'team', 'example.com/tier', 'app.kubernetes.io/name'] },
  {
    name: 'labels that differ from pod to pod or run to run do not',
    user: [],
    drops: [
      'pod-template-hash',
      'pod-template-generation',
      'controller-revision-hash',
      'controller-uid',
      'job-name',
      'batch.kubernetes.io/job-name',
      'batch.kubernetes.io/controller-uid',
      'batch.kubernetes.io/job-completion-index',
      'statefulset.kubernetes.io/pod-name',
      'apps.kubernetes.io/pod-index',
      'rollouts-pod-template-hash',
      'io.kubernetes.container.name',
      'kubernetes.io/arch',
      'node.beta.kubernetes.io/x',
      'topology.kubernetes.io/zone',
      'k8s.io/x',
    ],
  },
  {
    name: "labels that only begin like Cilium's do not count either",
    user: [],
    keeps: ['job-name-prefix', 'my-pod-template-hash'],
    drops: ['pod-template-hash-kind', 'controller-uid-2', 'annotation.cni', 'etcd_node'],
  },
  {
    name: 'derived labels count',
    user: [],
    keeps: [NAMESPACE, 'io.cilium.k8s.policy.cluster', 'io.cilium.k8s.namespace.labels.team'],
  },
  {
    name: 'an exclusion takes away, wherever its source stands',
    user: ['!build-.*', '!k8s:git', 'k8s:!run'],
    keeps: ['app'],
    drops: ['build-7', 'git-sha', 'run-1'],
  },
  {
    name: 'an inclusion leaves nothing but what is named',
    user: ['k8s:app', 'team'],
    keeps: ['app', 'team', NAMESPACE, 'app.kubernetes.io/name'],
    drops: ['tier', 'pod-template-hash'],
  },
  {
    name: 'labels of another source are none of Kubernetes, but naming one leaves nothing else',
    user: ['reserved:.*'],
    keeps: [NAMESPACE],
    drops: ['app'],
  },
  {
    name: 'a longer match brings a label back, one of the same length does not',
    user: ['pod-template-hash-kind', 'k8s:!io\\.cilium\\.k8s\\.namespace\\.labels\\.secret', 'controller-uid'],
    keeps: ['pod-template-hash-kind', 'io.cilium.k8s.namespace.labels.team'],
    drops: ['io.cilium.k8s.namespace.labels.secret', 'controller-uid', 'other'],
  },
  {
    name: 'of several that leave out the shortest counts, of several that take in the longest',
    user: ['!a', '!a\\.b\\.c\\.d', 'a\\.b'],
    keeps: ['a.b', 'a.b.c.d'],
    drops: ['a', 'a.c'],
  },
]

for (const { name, user, keeps = [], drops = [] } of cases)
  filters(name, () => {
    const filter = new LabelFilter(user)
    for (const key of keeps) assert.ok(filter.keeps(key), `${key} counts`)
    for (const key of drops) assert.not.ok(filter.keeps(key), `${key} does not count`)
  })

filters('a bad expression is named', () => {
  assert.throws(() => new LabelFilter(['k8s:!']), /label expression "k8s:!" has no key/)
  assert.throws(() => new LabelFilter(['!(']), /label expression "!\(": Invalid regular expression/)
})

filters.run()
