import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText, addressTextAt } from '../../src/flow/address.ts'
import { addressBytes, setAddressBytes } from '../support/flows.ts'

const test = suite('addresses')

function roundTrip(text: string): string {
  const column = new Uint32Array(8)
  setAddressBytes(column, 1, addressBytes(text))
  return addressText(column, 1)
}

const texts = ['0.0.0.0', '255.255.255.255', '::', '::1', '2001:db8::1', 'fe80::1:0:0:1', '2001:db8:0:1:1:1:1:1', '1::']
for (const text of texts) test(`${text} stays itself`, () => assert.is(roundTrip(text), text))

test('every IPv4 address is printed as it was written', () => {
  fc.assert(fc.property(fc.ipV4(), (text) => assert.is(roundTrip(text), text)))
})

test('every IPv6 address is printed as RFC 5952 says', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const column = new Uint32Array(4)
      setAddressBytes(column, 0, bytes)
      const expected = ipaddr.fromByteArray([...bytes])
      const mapped = expected.kind() === 'ipv6' && (expected as ipaddr.IPv6).isIPv4MappedAddress()
      const text = mapped ? (expected as ipaddr.IPv6).toIPv4Address() : (expected as ipaddr.IPv6).toRFC5952String()
      assert.is(addressText(column, 0), String(text))
    }),
  )
})

test('an address is read at any alignment', () => {
  const bytes = new Uint8Array(40)
  bytes.set(addressBytes('192.0.2.33'), 3)
  assert.is(addressTextAt(bytes, 3), '192.0.2.33')
})

test.run()
