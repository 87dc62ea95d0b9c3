import { hostname } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addTargetInfo, nodeNameOf, serviceResource } from '../../src/pipeline/resource.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'

const resources = suite('resource')

resources('settings add to the defaults, replace them and take them away', () => {
  const resource = serviceResource({ 'service.name': 'x', 'service.instance.id': null, site: 'y' }, '1.0', 'id')
  assert.equal(resource, { 'service.name': 'x', 'service.version': '1.0', site: 'y' })
})

resources('the node is named by the resource, else by the host', () => {
  assert.is(nodeNameOf({ 'k8s.node.name': 'a', 'host.name': 'b' }), 'a')
  assert.is(nodeNameOf({ 'host.name': 'b' }), 'b')
  assert.is(nodeNameOf({}), hostname())
})

resources('target_info carries it, and goes with it', () => {
  const telemetry = new Telemetry()
  const forget = addTargetInfo(telemetry, { 'service.name': 'x' })
  const [family] = telemetry.families()
  assert.equal([family?.name, family?.labels, family?.size], ['target_info', ['service_name'], 1])
  forget()
  assert.equal([family?.size, telemetry.families()], [0, []])
})

resources.run()
