import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CaptureError, unknownFormat } from '../../../src/receivers/pcap/capture-format.ts'
import { CaptureReader } from '../../../src/receivers/pcap/capture-reader.ts'
import { Dropper, Packet } from '../../../src/receivers/pcap/packet.ts'
import { block, pcapFile, pcapngFile, simpleBlock } from '../../support/captures.ts'

const test = suite('CaptureReader')

interface Read {
  seconds: number
  nanos: number
  bytes: string
  wire: number
  interface: number
  direction: number
  droppedBy: number
}

/** All packets of a capture that arrives in pieces of that size. */
function readAll(file: Uint8Array, piece = file.length): Read[] {
  const packets: Read[] = []
  const packet = new Packet()
  let format = unknownFormat()
  let from = 0
  for (let end = Math.min(piece, file.length); ; end = Math.min(end + piece, file.length)) {
    const reader = new CaptureReader(file, from, end, format)
    while (reader.next(packet)) packets.push(told(packet, file))
    from = reader.at
    format = structuredClone(reader.format)
    if (end === file.length) return packets
  }
}

function told(packet: Packet, file: Uint8Array): Read {
  const { seconds, nanos, direction, droppedBy } = packet
  const bytes = Buffer.from(file.subarray(packet.start, packet.end)).toString('hex')
  return { seconds, nanos, bytes, wire: packet.wireBytes, interface: packet.interface, direction, droppedBy }
}

const packets = [
  { seconds: 1_700_000_000, nanos: 123_456_000, bytes: Uint8Array.of(1, 2, 3) },
  { seconds: 1_700_000_001, nanos: 999_999_000, bytes: Uint8Array.of(4, 5, 6, 7, 8), wire: 1_500 },
]
const expected = packets.map(({ seconds, nanos, bytes, wire }) => ({
  seconds,
  nanos,
  bytes: Buffer.from(bytes).toString('hex'),
  wire: wire ?? bytes.length,
  interface: 0,
  direction: 0,
  droppedBy: Dropper.NOBODY,
}))

for (const bigEndian of [false, true]) {
  const order = bigEndian ? 'big' : 'little'
  for (const nanos of [false, true])
    test(`pcap in ${order} endian with ${nanos ? 'nano' : 'micro'}seconds`, () => {
      assert.equal(readAll(pcapFile(packets, { bigEndian, nanos })), expected)
    })
  test(`pcapng in ${order} endian`, () => assert.equal(readAll(pcapngFile(packets, { bigEndian })), expected))
}

const resolutions = [
  { name: 'microseconds', resolution: 6, perSecond: 10n ** 6n },
  { name: 'picoseconds', resolution: 12, perSecond: 10n ** 12n },
  { name: 'half seconds to the 20th', resolution: 0x80 | 20, perSecond: 2n ** 20n },
  { name: 'seconds', resolution: 0, perSecond: 1n },
]
for (const { name, resolution, perSecond } of resolutions)
  test(`times in ${name}`, () => {
    const ticks = 1_000n * perSecond + perSecond / 4n
    const [read] = readAll(
      pcapngFile([{ bytes: Uint8Array.of(1) }], { interfaces: [{ resolution }], ticks: () => ticks }),
    )
    assert.equal([read?.seconds, read?.nanos], [1_000, resolution === 0 ? 0 : 250_000_000])
  })

test('an interface may shift its times', () => {
  const [read] = readAll(
    pcapngFile([{ seconds: 100, bytes: Uint8Array.of(1) }], { interfaces: [{ offsetSeconds: -40 }] }),
  )
  assert.is(read?.seconds, 60)
})

test('options tell direction and who dropped a packet', () => {
  const bytes = Uint8Array.of(1)
  const verdicts = [
    { verdict: [1, 2], droppedBy: Dropper.TC },
    { verdict: [1, 0], droppedBy: Dropper.NOBODY },
    { verdict: [2, 1], droppedBy: Dropper.XDP },
    { verdict: [2, 2], droppedBy: Dropper.NOBODY },
  ] as const
  const file = pcapngFile(verdicts.map(({ verdict }) => ({ bytes, direction: 2, verdict: [...verdict] })))
  const read = readAll(file)
  assert.equal(
    read.map(({ direction }) => direction),
    [2, 2, 2, 2],
  )
  assert.equal(
    read.map(({ droppedBy }) => droppedBy),
    verdicts.map((each) => each.droppedBy),
  )
})

test('simple packets have the time of the packet before', () => {
  const file = Buffer.concat([
    pcapngFile([{ seconds: 5, nanos: 7, bytes: Uint8Array.of(1) }]),
    simpleBlock(false, Uint8Array.of(9, 9)),
  ])
  const read = readAll(file)
  assert.equal([read[1]?.seconds, read[1]?.nanos, read[1]?.bytes], [5, 7, '0909'])
})

test('a new section begins with interfaces of its own, in its own byte order', () => {
  const second = pcapngFile(packets, { bigEndian: true, interfaces: [{ name: 'b' }] })
  assert.is(readAll(Buffer.concat([pcapngFile(packets), second])).length, 4)
})

test('blocks that nobody needs are stepped over, however long', () => {
  const [head, tail] = [pcapngFile([]), pcapngFile(packets)]
  const file = Buffer.concat([head, block(false, 0xbad, Buffer.alloc(5_000)), tail])
  assert.equal(readAll(file, 700), expected)
})

const broken = [
  { name: 'text', file: Buffer.from('GET / HTTP/1.1\r\nHost: example'), message: 'begins with 47 45 54 20' },
  {
    name: 'gzip',
    file: Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(40)]),
    message: 'gzip: decompress it first',
  },
  { name: 'a block of 13 bytes', file: patched(28 + 4, 13), message: 'a block of 13 bytes' },
  { name: 'a block whose lengths differ', file: patched(24, 32), message: 'lengths differ' },
  {
    name: 'a packet of an unknown interface',
    file: pcapngFile([{ bytes: Uint8Array.of(1), interface: 3 }]),
    message: 'interface 3',
  },
]

function patched(at: number, value: number): Buffer {
  const file = pcapngFile(packets)
  file.writeUInt32LE(value, at)
  return file
}

for (const { name, file, message } of broken)
  test(`${name} is an error that says so`, () => {
    assert.throws(
      () => readAll(file),
      (error: unknown) => error instanceof CaptureError && error.message.includes(message),
    )
  })

test('the pieces a capture arrives in do not matter', () => {
  const interfaces = [{ name: 'a' }, { name: 'b' }]
  const many = packets.map((packet, i) => ({ ...packet, interface: i }))
  const files = [pcapFile(packets), pcapngFile(many, { interfaces })]
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.integer({ min: 1, max: 90 }), (file, piece) => {
      assert.equal(readAll(file, piece), readAll(file))
    }),
  )
})

test('changed bytes end in packets or in a CaptureError, never outside', () => {
  const files = [pcapFile(packets), pcapngFile(packets, { interfaces: [{}, {}] })]
  const change = fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 6 })
  fc.assert(
    fc.property(fc.constantFrom(...files), change, fc.nat(300), (file, changes, length) => {
      const bytes = Buffer.from(file.subarray(0, length))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      try {
        readAll(bytes)
      } catch (error) {
        assert.instance(error, CaptureError)
      }
    }),
    { numRuns: 3_000 },
  )
})

test.run()
