import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LocalAddresses } from '../../src/flow/local-addresses.ts'
import { addressBytes, setAddressBytes } from '../support/flows.ts'

const test = suite('local addresses')

function has(local: LocalAddresses, text: string): boolean {
  const column = new Uint32Array(8)
  setAddressBytes(column, 1, addressBytes(text))
  return local.has(column, 1)
}

test('every address of an interface is local and no other is', () => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => text !== '::'),
  )
  fc.assert(
    fc.property(fc.uniqueArray(address, { maxLength: 50 }), address, (list, other) => {
      const local = new LocalAddresses(() => list)
      local.refresh()
      for (const text of list) assert.ok(has(local, text), text)
      const bytes = Buffer.from(addressBytes(other))
      const known = list.some((text) => bytes.equals(addressBytes(text)))
      const loopback = has(new LocalAddresses(() => []), other)
      assert.is(has(local, other), known || loopback)
    }),
  )
})

test('loopback is always local', () => {
  const local = new LocalAddresses(() => [])
  assert.equal(
    ['127.0.0.1', '127.8.9.1', '::1', '128.0.0.1', '::2'].map((text) => has(local, text)),
    [true, true, true, false, false],
  )
})

test("the unspecified address is nobody's: pods send from it while they look for one", () => {
  for (const list of [[], ['10.0.0.1', 'fe80::1']]) {
    const local = new LocalAddresses(() => list)
    local.refresh()
    assert.is(has(local, '::'), false)
  }
})

test('interfaces are read again after 10 s', () => {
  let now = 0
  let list = ['10.0.0.1']
  const local = new LocalAddresses(
    () => list,
    () => now,
  )
  local.refresh()
  list = ['10.0.0.2']
  now = 9_999
  local.refresh()
  assert.ok(has(local, '10.0.0.1'))
  now = 10_000
  local.refresh()
  assert.equal([has(local, '10.0.0.1'), has(local, '10.0.0.2')], [false, true])
})

test.run()
