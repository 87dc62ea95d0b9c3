import type { ProgramStatus } from './capture.ts'
import { isOlder, type MachineFacts, machineFacts, missingCapabilities, OLDEST_KERNEL } from './machine.ts'

/** errno numbers of Linux that tell something of loading (asm-generic/errno-base.h). */
const Errno = { EPERM: 1, ENOENT: 2, ESRCH: 3, ENOMEM: 12, EACCES: 13, EINVAL: 22, E2BIG: 7 } as const

/** Lines on the programs that could not be loaded: object, error, likely cause, and which programs that befell. */
export function explainFailures(statuses: readonly ProgramStatus[], facts: MachineFacts = machineFacts()): string[] {
  const programsByCause = new Map<string, string[]>()
  for (const status of statuses) {
    if (status.errno === 0) continue
    const cause = `${status.object}: ${status.error}: ${likelyCause(status, facts)}`
    const programs = programsByCause.get(cause) ?? []
    programsByCause.set(cause, programs)
    if (status.program !== '') programs.push(status.program)
  }
  return [...programsByCause].map(([cause, programs]) =>
    programs.length > 0 ? `${cause} (${programs.join(', ')})` : cause,
  )
}

function likelyCause(status: ProgramStatus, facts: MachineFacts): string {
  if (status.errno === Errno.ENOENT && status.program === '') return 'the object file is missing: build it'
  if (isOlder(facts.kernelRelease, OLDEST_KERNEL)) return `kernel ${facts.kernelRelease} is older than ${OLDEST_KERNEL}`
  const missing = missingCapabilities(facts)
  const refused = status.errno === Errno.EPERM || status.errno === Errno.EACCES
  if (refused && missing.length > 0) return `this process lacks ${missing.join(', ')}`
  if (!facts.hasBtf) return '/sys/kernel/btf/vmlinux is missing: the kernel was built without CONFIG_DEBUG_INFO_BTF'
  if (status.errno === Errno.ESRCH || /is not found in .*BTF/.test(status.log))
    return `kernel ${facts.kernelRelease} has no such tracepoint`
  if (status.errno === Errno.EPERM) return 'a seccomp profile, kernel lockdown or a security module forbids bpf()'
  if (status.errno === Errno.ENOMEM) return 'too little memory for its maps: lower ring_size_mib or max_connections'
  return lastWords(status.log) || 'the kernel gives no reason'
}

/** The line of the verifier's or libbpf's log that says most. */
function lastWords(log: string): string {
  const lines = log
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('libbpf:') && !/^(processed|-- )/.test(line))
  return (lines.at(-1) ?? log.trim().split('\n').at(-1) ?? '').trim()
}
