import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import { resourceName, resourcePath } from '../../src/kubernetes/resource.ts'

const resources = suite('resources and errors')

const PODS = { group: '', version: 'v1', plural: 'pods' }
const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }

const paths = [
  { resource: PODS, place: {}, path: '/api/v1/pods' },
  {
    resource: PODS,
    place: { namespace: 'a', name: 'b', subresource: 'status' },
    path: '/api/v1/namespaces/a/pods/b/status',
  },
  { resource: LEASES, place: { namespace: 'a' }, path: '/apis/coordination.k8s.io/v1/namespaces/a/leases' },
  {
    resource: PODS,
    place: { query: { limit: 5, continue: undefined, labelSelector: 'a=b,c' } },
    path: '/api/v1/pods?limit=5&labelSelector=a%3Db%2Cc',
  },
  { resource: PODS, place: { namespace: '../x', name: 'a/b' }, path: '/api/v1/namespaces/..%2Fx/pods/a%2Fb' },
]
for (const { resource, place, path } of paths)
  resources(`the path ${path}`, () => {
    assert.is(resourcePath(resource, place), path)
  })

resources('names are those of kubectl', () => {
  assert.is(resourceName(PODS), 'pods')
  assert.is(resourceName(LEASES), 'leases.coordination.k8s.io')
})

resources('an error says how long to wait, by header or by body', () => {
  const permission = { verb: 'list', resource: PODS, namespace: undefined }
  assert.is(new ApiError(permission, 429, {}, { 'retry-after': '3' }).retryAfterMs, 3_000)
  assert.is(new ApiError(permission, 503, { details: { retryAfterSeconds: 2 } }).retryAfterMs, 2_000)
  assert.is(new ApiError(permission, 500, { message: 'etcd is away' }).message, 'list pods: 500 etcd is away')
  assert.is(new ApiError(permission, 500, {}, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }).retryAfterMs, 0)
})

resources.run()
