import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Kind } from '../../../src/flow/enums.ts'
import { type NameResolver, nameRows } from '../../../src/receivers/ebpf/name-rows.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'

const test = suite('nameRows')

const REASONS: Readonly<Record<number, string>> = { 6: 'NO_SOCKET', 12: 'NETFILTER_DROP', 40: 'OF_A_LATER_KERNEL' }
const asked: number[] = []
const resolver: NameResolver = {
  interfaceName: (ifindex) => {
    asked.push(ifindex)
    return ifindex === 9 ? '' : `veth${ifindex}`
  },
  dropReason: (reason) => REASONS[reason] ?? '',
  location: (id) => (id === 3 ? 'nf_hook_slow+0x93' : ''),
}

test('interfaces are named, each looked up once in a row of flows', () => {
  asked.length = 0
  const batch = flowBatch([7, 7, 263, 7, 9, 0].map((interfaceIndex) => ({ ...TCP_SYN, interfaceIndex })))
  nameRows(batch, { ...resolver, interfaceName: (i) => (i === 0 ? '' : resolver.interfaceName(i)) })
  const names = [...batch.columns.interfaceName.subarray(0, 6)].map((i) => batch.strings[i])
  assert.equal(names, ['veth7', 'veth7', 'veth263', 'veth7', '', ''])
  assert.equal(asked, [7, 263, 7, 9])
})

const drops = [
  {
    name: "a netfilter drop has Retina's name",
    detail: 12,
    place: 3,
    expect: [133, 'IPTABLE_RULE_DROP', 'nf_hook_slow+0x93'],
  },
  { name: 'a reason maps to its nearest and keeps its name', detail: 6, place: 0, expect: [178, 'NO_SOCKET', ''] },
  { name: 'a reason without a near one is unknown', detail: 40, place: 99, expect: [0, 'OF_A_LATER_KERNEL', ''] },
  {
    name: 'a netfilter drop of a kernel without reasons is known by its flag',
    detail: 0,
    place: 3,
    dropReason: 133,
    expect: [133, 'IPTABLE_RULE_DROP', 'nf_hook_slow+0x93'],
  },
]
for (const { name, detail, place, dropReason = 0, expect } of drops)
  test(name, () => {
    const batch = flowBatch([{ ...TCP_SYN, kind: Kind.DROP, detail, dropReason }])
    batch.columns.dropLocation[0] = place
    nameRows(batch, resolver)
    const { columns, strings } = batch
    const found = [columns.dropReason[0], strings[columns.dropReasonName[0]!], strings[columns.dropLocation[0]!]]
    assert.equal(found, expect)
    assert.is(columns.eventSubType[0], expect[0])
  })

test.run()
