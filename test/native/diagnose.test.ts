import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProgramStatus } from '../../native/capture.ts'
import { explainFailures } from '../../native/diagnose.ts'
import { isOlder, type MachineFacts, missingCapabilities } from '../../native/machine.ts'

const ALL = (1n << 41n) - 1n
const MODERN: MachineFacts = { kernelRelease: '6.18.1', capabilities: ALL, hasBtf: true }
const FAILED: ProgramStatus = {
  object: 'drops.bpf.o',
  program: 'drop_packet',
  errno: 22,
  error: 'Invalid argument',
  log: '',
}

const diagnose = suite('why eBPF does not load')

const cases: { name: string; status: Partial<ProgramStatus>; facts: Partial<MachineFacts>; expected: RegExp }[] = [
  {
    name: 'missing capabilities are named',
    status: { errno: 1, error: 'Operation not permitted' },
    facts: { capabilities: 1n << 12n },
    expected: /^drops\.bpf\.o: Operation not permitted: this process lacks CAP_PERFMON, CAP_BPF \(drop_packet\)$/,
  },
  {
    name: 'with all capabilities something else forbids it',
    status: { errno: 1, error: 'Operation not permitted' },
    facts: {},
    expected: /seccomp/,
  },
  {
    name: 'an old kernel',
    status: {},
    facts: { kernelRelease: '5.4.0-90-generic' },
    expected: /5\.4\.0.* is older than 5\.8/,
  },
  { name: 'no BTF', status: { errno: 3 }, facts: { hasBtf: false }, expected: /CONFIG_DEBUG_INFO_BTF/ },
  { name: 'no such tracepoint', status: { errno: 3 }, facts: {}, expected: /no such tracepoint/ },
  { name: 'too little memory', status: { errno: 12 }, facts: {}, expected: /lower ring_size_mib/ },
  {
    name: "the verifier's last words",
    status: {
      errno: 7,
      log: '12: (71) r1 = 0\nBPF program is too large. Processed 1000001 insn\nprocessed 1000001 insns\nlibbpf: failed\n',
    },
    facts: {},
    expected: /: BPF program is too large\. Processed 1000001 insn \(/,
  },
]
for (const { name, status, facts, expected } of cases)
  diagnose(name, () => {
    const [line, ...more] = explainFailures([{ ...FAILED, ...status }], { ...MODERN, ...facts })
    assert.match(line ?? '', expected)
    assert.is(more.length, 0)
  })

diagnose('programs of one cause share a line, those that loaded have none', () => {
  const statuses = ['a', 'b'].map((program) => ({ ...FAILED, program, errno: 3, error: 'No such process' }))
  assert.equal(explainFailures([...statuses, { ...FAILED, errno: 0 }], MODERN), [
    'drops.bpf.o: No such process: kernel 6.18.1 has no such tracepoint (a, b)',
  ])
})

diagnose('CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, not for CAP_NET_ADMIN', () => {
  assert.equal(missingCapabilities({ ...MODERN, capabilities: 1n << 21n }), ['CAP_NET_ADMIN'])
  assert.equal(missingCapabilities({ ...MODERN, capabilities: 0n }), ['CAP_NET_ADMIN', 'CAP_PERFMON', 'CAP_BPF'])
})

diagnose('releases are compared as numbers', () => {
  assert.equal(
    ['5.8', '5.10', '6.0'].map((version) => isOlder('5.9.1-amd64', version)),
    [false, true, true],
  )
})

diagnose.run()
