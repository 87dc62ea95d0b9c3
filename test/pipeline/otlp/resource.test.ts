import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { observerResource } from '../../../src/pipeline/otlp/resource.ts'

const test = suite('the observer as resource')

test("a pod's downward API is told, and what is configured wins over it", () => {
  const env = { K8S_NODE_NAME: 'node-7', K8S_POD_NAME: 'fovea-x', K8S_POD_UID: '', OTHER: 'x' }
  const { attributes } = observerResource({ 'service.name': 'fovea', 'k8s.pod.name': 'configured' }, env)
  assert.is(attributes['k8s.node.name'], 'node-7')
  assert.is(attributes['k8s.pod.name'], 'configured')
  assert.is(attributes['k8s.pod.uid'], undefined)
  assert.type(attributes['host.name'], 'string')
})

test('OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME win over all', () => {
  process.env.OTEL_RESOURCE_ATTRIBUTES = 'deployment.environment=test,k8s.node.name=other'
  process.env.OTEL_SERVICE_NAME = 'renamed'
  try {
    const { attributes } = observerResource({ 'service.name': 'fovea' }, { K8S_NODE_NAME: 'node-7' })
    assert.is(attributes['service.name'], 'renamed')
    assert.is(attributes['k8s.node.name'], 'other')
    assert.is(attributes['deployment.environment'], 'test')
  } finally {
    delete process.env.OTEL_RESOURCE_ATTRIBUTES
    delete process.env.OTEL_SERVICE_NAME
  }
})

test.run()
