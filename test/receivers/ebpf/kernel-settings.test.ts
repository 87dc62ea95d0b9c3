import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { type EbpfConfig, ebpfConfig } from '../../../src/receivers/ebpf/config.ts'
import { captureOptions, unknownReasons } from '../../../src/receivers/ebpf/kernel-settings.ts'

const settings = suite('settings of the ebpf receiver')
const REASONS = [
  [1, 'SKB_CONSUMED'],
  [2, 'NOT_SPECIFIED'],
  [3, 'PACKET_SOCK_ERROR'],
  [70, 'FAR'],
  [0x10001, 'OVS_DROP'],
] as const

const defaults = () => defaultsOf(ebpfConfig.schema) as unknown as EbpfConfig
const problems = (change: (config: EbpfConfig) => void) => {
  const config = defaults()
  change(config)
  return (ebpfConfig.check?.(config) ?? []).map(({ path, message }) => `${path.join('::')}: ${message}`)
}

settings('the defaults are right', () =>
  assert.equal(
    problems(() => {}),
    [],
  ),
)

const wrong: { name: string; change(config: EbpfConfig): void; expected: string }[] = [
  {
    name: 'no program at all',
    change: ({ programs }) => Object.assign(programs, { packets: false, drops: false, tcp: false }),
    expected: 'programs: nothing to observe: switch on packets, drops or tcp',
  },
  {
    name: 'five DNS ports',
    change: ({ dns }) => dns.ports.push(1, 2, 3),
    expected: 'dns::ports: expected at most 4 ports, 1 to 65535',
  },
  {
    name: 'a DNS port that is none',
    change: ({ dns }) => dns.ports.push(70_000),
    expected: 'dns::ports: expected at most 4 ports, 1 to 65535',
  },
  {
    name: 'a ring that is no power of two',
    change: (config) => Object.assign(config, { ring_size_mib: 3 }),
    expected: 'ring_size_mib: expected a power of two, 1 to 1024',
  },
  {
    name: 'a single slab',
    change: ({ slabs }) => Object.assign(slabs, { count: 1 }),
    expected: 'slabs::count: expected 2 to 256',
  },
  {
    name: 'slabs that hold more records than a batch has rows',
    change: ({ slabs }) => Object.assign(slabs, { size_kib: 2048 }),
    expected: 'slabs::size_kib: expected 64 to 1536',
  },
]
for (const { name, change, expected } of wrong)
  settings(`${name} is a problem`, () => assert.equal(problems(change), [expected]))

settings('become numbers of the kernel programs', () => {
  const config = defaults()
  config.drops.exclude_reasons = ['SKB_CONSUMED', 'FAR', 'OVS_DROP', 'NO_SUCH_REASON']
  config.dns.ports = [53]
  config.max_connections = 1001
  const { rodata, maxEntries } = captureOptions(config, REASONS)
  assert.equal(rodata?.cfg_left_out, [2n, 64n, 0n, 0n, 0n, 0n, 0n, 0n])
  assert.equal(rodata?.cfg_dns_ports, [53, 0, 0, 0])
  assert.is(rodata?.cfg_report_interval_ns, 10_000_000_000n)
  assert.equal(maxEntries, { events: 8 << 20, connections: 251 })
})

settings('leave out the copies of a capture that is behind: the packets themselves went on', () => {
  assert.equal(captureOptions(defaults(), REASONS).rodata?.cfg_left_out, [0b1110n, 0n, 0n, 0n, 0n, 0n, 0n, 0n])
})

settings('give every capture a hash secret of its own', () => {
  const seed = () => captureOptions(defaults(), REASONS).rodata?.cfg_hash_seed
  assert.not.equal(seed(), seed())
})

settings('programs that are off are neither loaded nor set', () => {
  const config = defaults()
  config.programs = { packets: false, dns: true, drops: true, tcp: false }
  const { objects, rodata } = captureOptions(config, REASONS)
  assert.equal(
    objects.map(({ path }) => path.split('/').at(-1)),
    ['drops.bpf.o'],
  )
  assert.equal(Object.keys(rodata ?? {}).sort(), ['cfg_left_out', 'cfg_network_namespace', 'cfg_wakeup_bytes'])
})

settings(
  'names of reasons that the kernel does not have are told, unless it has none at all or they are defaults',
  () => {
    assert.equal(unknownReasons(['FAR', 'TCP_OLD_ACK'], REASONS), [])
    assert.equal(unknownReasons(['FAR', 'NEAR'], REASONS), ['NEAR'])
    assert.equal(unknownReasons(['FAR', 'NEAR'], []), [])
  },
)

settings.run()
