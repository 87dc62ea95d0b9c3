import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { InterfaceStatus } from '../../../native/capture.ts'
import { KernelNames } from '../../../src/receivers/ebpf/kernel-names.ts'

const names = suite('KernelNames')

function interfaceNamed(index: number, name: string): InterfaceStatus {
  return { index, name, kind: 'veth', role: 'endpoint', attached: 2, method: 'tcx', error: '' }
}

names('knows interfaces by their latest name, also when they are gone', () => {
  const kernel = new KernelNames([], () => '')
  kernel.update([interfaceNamed(1, 'lo'), interfaceNamed(2, 'tmp')])
  kernel.update([interfaceNamed(1, 'lo'), interfaceNamed(2, 'eth0')])
  kernel.update([interfaceNamed(1, 'lo')])
  assert.equal(
    [1, 2, 3].map((index) => kernel.interfaceName(index)),
    ['lo', 'eth0', ''],
  )
})

names('remembers 4,096 interfaces, those seen last', () => {
  const kernel = new KernelNames([], () => '')
  for (let index = 1; index <= 5000; index++) kernel.update([interfaceNamed(index, `v${index}`)])
  assert.is(kernel.interfaceName(904), '')
  assert.is(kernel.interfaceName(905), 'v905')
  assert.is(kernel.interfaceName(5000), 'v5000')
})

names('asks for the text of a location once, also when it has none', () => {
  const asked: number[] = []
  const kernel = new KernelNames([[3, 'NO_SOCKET']], (id) => {
    asked.push(id)
    return id === 1 ? 'udp_rcv+0x1' : ''
  })
  assert.equal(
    [1, 1, 2, 2, 0].map((id) => kernel.location(id)),
    ['udp_rcv+0x1', 'udp_rcv+0x1', '', '', ''],
  )
  assert.equal(asked, [1, 2])
  assert.equal([kernel.dropReason(3), kernel.dropReason(4)], ['NO_SOCKET', ''])
})

names.run()
