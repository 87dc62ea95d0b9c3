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
  { name: 'labels that only begin like those count', user: [], keeps: ['job-name-prefix', 'pod-template-hash-kind'] },
  {
    name: 'derived labels count',
    user: [],
    keeps: [NAMESPACE, 'io.cilium.k8s.policy.cluster', 'io.cilium.k8s.namespace.labels.team'],
  },
  { name: 'an exclusion takes away', user: ['!build-.*', '!k8s:git'], keeps: ['app'], drops: ['build-7', 'git-sha'] },
  {
    name: 'an inclusion leaves nothing but what is named',
    user: ['k8s:app', 'team'],
    keeps: ['app', 'team', NAMESPACE, 'app.kubernetes.io/name'],
    drops: ['tier', 'pod-template-hash'],
  },
  {
    name: 'the longest match decides, the later of two equal ones',
    user: ['!io\\.cilium\\.k8s\\.namespace\\.labels\\.secret', 'job-name$'],
    keeps: ['job-name', 'io.cilium.k8s.namespace.labels.team'],
    drops: ['io.cilium.k8s.namespace.labels.secret', 'other'],
  },
]

for (const { name, user, keeps = [], drops = [] } of cases)
  filters(name, () => {
    const filter = new LabelFilter(user)
    for (const key of keeps) assert.ok(filter.keeps(key), `${key} counts`)
    for (const key of drops) assert.not.ok(filter.keeps(key), `${key} does not count`)
  })

filters('a bad expression is named', () => {
  assert.throws(() => new LabelFilter(['!(']), /label expression "!\(": Invalid regular expression/)
})

filters.run()
