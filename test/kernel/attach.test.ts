import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { objectPath } from '../../native/addon.ts'
import { Capture, dropReasons, type InterfacePatterns, type InterfaceRole } from '../../native/capture.ts'
import { classify, type InterfaceTraits } from '../../native/classify.ts'
import { openTestObject } from '../../native/test-object.ts'
import { root } from '../support/checkout.ts'

const attach = suite('loading and attaching')

const roles: [name: string, traits: Partial<InterfaceTraits>, expected: InterfaceRole, defaultRoute?: boolean][] = [
  ['loopback', { loopback: true }, 'loopback'],
  ['hardware', {}, 'network'],
  ['hardware that is a port of a bridge', { master: 3, portOf: 'bridge' }, 'network'],
  ['the port of a bond', { master: 3, portOf: 'bond' }, 'ignored'],
  ['the port of a team', { master: 3, portOf: 'team' }, 'ignored'],
  ['a bond', { kind: 'bond' }, 'network'],
  ['a bridge', { kind: 'bridge' }, 'ignored'],
  ['a VLAN', { kind: 'vlan' }, 'ignored'],
  ['a macvlan', { kind: 'macvlan' }, 'ignored'],
  ["a pod's veth", { kind: 'veth', lowerElsewhere: true }, 'endpoint'],
  ["a pod's veth that is a port of a bridge", { kind: 'veth', lowerElsewhere: true, portOf: 'bridge' }, 'endpoint'],
  ["a pod's netkit", { kind: 'netkit', lowerElsewhere: true }, 'endpoint'],
  ['the veth inside a pod', { kind: 'veth', lowerElsewhere: true }, 'network', true],
  ['a veth with both ends here', { kind: 'veth' }, 'ignored'],
  ['a VPN', { kind: 'tun' }, 'network'],
  ["a virtual machine's tap", { kind: 'tun', master: 3, portOf: 'bridge' }, 'endpoint'],
  ['WireGuard', { kind: 'wireguard' }, 'network'],
  ['VXLAN', { kind: 'vxlan' }, 'network'],
  ['an intermediate functional block', { kind: 'ifb' }, 'ignored'],
  ['a dummy', { kind: 'dummy' }, 'ignored'],
]
for (const [name, traits, expected, defaultRoute] of roles)
  attach(`${name} is ${expected}`, () => assert.is(classify({ name: 'x0', ...traits }, defaultRoute), expected))

const patterned: [name: string, patterns: InterfacePatterns, expected: InterfaceRole][] = [
  ['exclude comes first', { exclude: ['x*'], endpoint: ['x0'], include: ['x0'] }, 'ignored'],
  ['endpoint patterns decide', { endpoint: ['a', 'x?'] }, 'endpoint'],
  ['network patterns decide', { network: ['[xy]0'] }, 'network'],
  ['what include does not name is ignored', { include: ['eth*'] }, 'ignored'],
  ['what include names is observed', { include: ['x*'] }, 'network'],
]
for (const [name, patterns, expected] of patterned)
  attach(name, () => assert.is(classify({ name: 'x0', kind: 'bridge' }, false, patterns), expected))

attach("the kernel's drop reasons have names without prefix", () => {
  const names = new Map(dropReasons().map(([number, name]) => [name, number]))
  assert.is(names.get('SKB_CONSUMED'), 1)
  assert.ok(names.has('NETFILTER_DROP') && names.has('NO_SOCKET'))
  assert.not(names.has('MAX'))
})

attach('an unknown setting is an error', () => {
  const path = objectPath('packets')
  const options = { objects: [{ path }], rodata: { cfg_no_such_setting: 1 } }
  assert.throws(() => new Capture(options, { onSlab: () => {} }), /no BPF object has the variable cfg_no_such_setting/)
  assert.throws(() => openTestObject({ path, rodata: { cfg_no_such_setting: 1 } }), /no variable cfg_no_such_setting/)
})

attach('more values than a variable has elements are an error', () => {
  const rodata = { cfg_dns_ports: [1, 2, 3, 4, 5] }
  assert.throws(() => openTestObject({ path: objectPath('packets'), rodata }), /cfg_dns_ports: 5 values for 4 elements/)
})

attach('an object that is not there is a failure of its programs', async () => {
  const objects = [{ path: '/nonexistent/drops.bpf.o', programs: ['drop_packet'] }]
  const capture = new Capture({ objects }, { onSlab: () => {} })
  assert.not(capture.running)
  assert.equal(
    capture.programs.map(({ object, program, error }) => `${object} ${program}: ${error}`),
    ['drops.bpf.o drop_packet: No such file or directory'],
  )
  await capture.close(0)
})

attach('a program that cannot be loaded does not keep the others from running', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-attach-'))
  const capture = new Capture({ objects: [{ path: compiled(folder) }] }, { onSlab: () => {} })
  const results = capture.programs.map(({ program, errno }) => [program, errno === 0])
  assert.equal(results, [
    ['endless', false],
    ['missing', false],
    ['works', true],
  ])
  assert.ok(capture.running)
  assert.match(capture.programs[0]!.log, /infinite loop|too large|back-edge/)
  assert.match(capture.programs[1]!.log, /no_such_tracepoint/)
  await capture.close(1000)
  rmSync(folder, { recursive: true })
})

attach('a capture that runs ends when it is closed, also without slabs', async () => {
  const capture = new Capture({ objects: [{ path: objectPath('tcp') }] }, { onSlab: () => {} })
  assert.ok(capture.running)
  assert.equal(capture.stats.map(({ program }) => program).length, capture.programs.length)
  await capture.close(50)
  assert.not(capture.running)
})

/** An object with one program that loads, one the verifier refuses and one whose tracepoint does not exist. */
function compiled(folder: string): string {
  const source = join(folder, 'mixed.bpf.c')
  const object = join(folder, 'mixed.bpf.o')
  writeFileSync(
    source,
    `#include "maps.h"
char LICENSE[] SEC("license") = "GPL";
SEC("tp_btf/kfree_skb") int works(__u64 *arguments) { count(FOVEA_SEEN_PACKETS, 1); return bpf_ringbuf_query(&events, 0) & 0; }
SEC("tp_btf/kfree_skb") int endless(__u64 *arguments) { for (volatile int i = 0;; i++) count(0, i); return 0; }
SEC("tp_btf/no_such_tracepoint") int missing(__u64 *arguments) { count(0, 1); return 0; }
`,
  )
  const include = [
    `-I${join(root, 'bpf/include')}`,
    '-idirafter',
    `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  ]
  const target = process.arch === 'arm64' ? '-D__TARGET_ARCH_arm64' : '-D__TARGET_ARCH_x86'
  execFileSync('clang', ['-target', 'bpf', '-mcpu=v3', '-g', '-O2', target, ...include, '-c', source, '-o', object])
  return object
}

attach.run()
