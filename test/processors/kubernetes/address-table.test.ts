import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressWords } from '../../../src/flow/address-words.ts'
import { PairTable } from '../../../src/flow/pair-table.ts'
import { AddressTable, MOST_ROWS } from '../../../src/processors/kubernetes/address-table.ts'
import { PrefixSet } from '../../../src/processors/kubernetes/prefix-set.ts'

const test = suite('address tables')

test('an address table agrees with a map whatever is added and removed', () => {
  const address = fc.integer({ min: 0, max: 60 }).map((n) => addressWords(`10.0.${n % 7}.${n}`)!)
  const step = fc.record({ add: fc.boolean(), address })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new AddressTable()
      const known = new Map<string, number>()
      for (const { add, address } of steps) {
        const number = known.get(address.join())
        if (add) known.set(address.join(), table.add(address, 0))
        else if (number !== undefined) {
          table.remove(number)
          known.delete(address.join())
        }
        assert.is(table.find(address, 0), known.get(address.join()) ?? 0)
      }
      assert.is(table.size, known.size)
      assert.is(new Set(known.values()).size, known.size, 'no number stands for two')
      for (const [words, number] of known)
        assert.is(table.find(Uint32Array.from(words.split(',').map(Number)), 0), number)
      const column = Uint32Array.from(steps.flatMap(({ address }) => [...address]))
      const rows = Math.max(0, Math.min(MOST_ROWS, steps.length - 1))
      const found = new Uint32Array(MOST_ROWS)
      table.findAll(column, 1, rows, found)
      for (let i = 0; i < rows; i++) assert.is(found[i], table.find(column, 4 * (i + 1)))
    }),
  )
})

test('a pair table agrees with a map whatever is set and deleted', () => {
  const step = fc.record({ set: fc.boolean(), first: fc.nat(20), second: fc.nat(20), value: fc.integer({ min: 1 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new PairTable()
      const known = new Map<string, number>()
      for (const { set, first, second, value } of steps) {
        if (set) table.set(first, second, value)
        else table.delete(first, second)
        if (set) known.set(`${first} ${second}`, value)
        else known.delete(`${first} ${second}`)
        assert.is(table.get(first, second), known.get(`${first} ${second}`) ?? 0)
      }
      assert.is(table.size, known.size)
      for (const [key, value] of known) {
        const [first, second] = key.split(' ').map(Number)
        assert.is(table.get(first!, second!), value)
      }
    }),
  )
})

const prefixes = [
  { cidr: '10.1.2.0/24', inside: '10.1.2.255', outside: '10.1.3.0' },
  { cidr: '10.0.0.0/9', inside: '10.127.1.1', outside: '10.128.0.0' },
  { cidr: 'fd00:1:2::/64', inside: 'fd00:1:2::ffff', outside: 'fd00:1:3::1' },
  { cidr: 'fd00::/13', inside: 'fd07::1', outside: 'fd08::1' },
  { cidr: '0.0.0.0/0', inside: '255.1.1.1', outside: 'fd00::1' },
  { cidr: '10.1.1.1/32', inside: '10.1.1.1', outside: '10.1.1.2' },
]

for (const { cidr, inside, outside } of prefixes) {
  test(`${cidr} has ${inside} and not ${outside}, until it is removed as often as it was added`, () => {
    const set = new PrefixSet()
    set.add(cidr)
    set.add(cidr)
    assert.ok(set.has(addressWords(inside)!, 0))
    assert.not(set.has(addressWords(outside)!, 0))
    set.remove(cidr)
    assert.ok(set.has(addressWords(inside)!, 0))
    set.remove(cidr)
    assert.not(set.has(addressWords(inside)!, 0))
  })
}

test('what is no prefix is ignored', () => {
  const set = new PrefixSet()
  for (const text of ['', '10.0.0.0', '10.0.0.0/33', 'node-1/8', '10.0.0.0/x']) set.add(text)
  assert.not(set.has(addressWords('10.0.0.0')!, 0))
})

test.run()
