import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { InterfaceStatus } from '../../../native/capture.ts'
import { InterfaceLog } from '../../../src/receivers/ebpf/interface-log.ts'
import { createContext } from '../../support/create-context.ts'

const log = suite('InterfaceLog')

const WARN = 40

function lines(...steps: readonly InterfaceStatus[][]): { level: number; msg: string }[] {
  const context = createContext('receiver', 'ebpf')
  const told = new InterfaceLog(context.log)
  for (const interfaces of steps) told.tell(interfaces)
  return context.lines
}

function one(index: number, changes: Partial<InterfaceStatus> = {}): InterfaceStatus {
  const fine = { name: `eth${index}`, kind: '', role: 'network', attached: 2, method: 'tcx', error: '' } as const
  return { index, ...fine, ...changes }
}

log('tells what is observed, once', () => {
  const found = lines([one(1), one(2, { role: 'ignored', attached: 0, method: '' })], [one(1)])
  assert.equal(
    found.map(({ msg }) => msg),
    ['observing 1 interfaces'],
  )
})

log('warns when there is nothing to observe: a pattern may be misspelt', () => {
  const [line] = lines([one(1, { role: 'ignored', attached: 0, method: '' })])
  assert.is(line?.level, WARN)
  assert.match(line?.msg ?? '', /^observing no interface: /)
})

log('warns once of an interface that cannot be attached to', () => {
  const broken = one(1, { attached: 0, method: '', error: 'no memory' })
  const warnings = lines([broken], [broken], [one(2), broken]).filter(({ level }) => level === WARN)
  assert.equal(
    warnings.map(({ msg }) => msg),
    ['cannot attach to interface eth1: no memory'],
  )
})

log.run()
