import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText } from '../../src/flow/address.ts'
import { parseAddress, parseAddressBytes } from '../../src/flow/address-parser.ts'
import { addressWords } from '../../src/flow/address-words.ts'

const test = suite('address parser')

function parse(text: string): { version: number; text: string } {
  const bytes = new TextEncoder().encode(`<${text}>`)
  const column = new Uint32Array(8)
  const version = parseAddress(bytes, 1, bytes.length - 1, column, 1)
  assert.equal([...column.subarray(0, 4)], [0, 0, 0, 0])
  return { version, text: version === 0 ? '' : addressText(column, 1) }
}

test('every IPv4 address is read as it is written', () => {
  fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(parse(text), { version: 4, text })))
})

test('every form of an IPv6 address gives what ipaddr.js finds', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      // ipaddr.js takes the "IPv4-compatible" form (RFC 4291 §2.5.5.1) for the mapped one.
      if (/^::\d+\.[\d.]+$/.test(text)) return
      const column = new Uint32Array(4)
      const bytes = new TextEncoder().encode(text)
      assert.is(parseAddress(bytes, 0, bytes.length, column, 0), 6)
      assert.equal(column, addressWords(text))
    }),
    { numRuns: 1_000 },
  )
})

test('what is no address for ipaddr.js is none here', () => {
  const piece = fc.constantFrom(':', '::', '.', '1', 'ff', '12345', '256', '0', 'g', '%', '1.2.3.4', '01')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('')
      if (text.includes('%')) return
      const known = ipaddr.IPv6.isValid(text) || ipaddr.IPv4.isValidFourPartDecimal(text)
      if (!known) assert.is(parse(text).version, 0, text)
    }),
    { numRuns: 5_000 },
  )
})

test('known cases', () => {
  assert.equal(parse('::'), { version: 6, text: '::' })
  assert.equal(parse('::1'), { version: 6, text: '::1' })
  assert.equal(parse('FE80::1%eth0'), { version: 6, text: 'fe80::1' })
  assert.equal(parse('::ffff:10.0.0.1'), { version: 6, text: '10.0.0.1' })
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1..2.3',
    '256.1.1.1',
    ':',
    '1:2',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7::8:9',
  ])
    assert.is(parse(text).version, 0, text)
})

test('the bytes may go anywhere', () => {
  const to = new Uint8Array(20)
  const bytes = new TextEncoder().encode('10.0.0.1')
  assert.ok(parseAddressBytes({ bytes, at: 0, end: bytes.length }, to, 3))
  assert.equal([...to.subarray(13, 19)], [0xff, 0xff, 10, 0, 0, 1])
})

test.run()
