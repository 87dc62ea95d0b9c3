import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'

/** What of this machine and process decides whether BPF programs load. */
export interface MachineFacts {
  /** `uname -r`. */
  kernelRelease: string
  /** Effective capabilities: bit numbers of linux/capability.h. */
  capabilities: bigint
  /** The kernel carries its BTF (CONFIG_DEBUG_INFO_BTF). */
  hasBtf: boolean
}

/** Capabilities that loading needs, with the bit of linux/capability.h. */
const NEEDED: Readonly<Record<string, bigint>> = { CAP_NET_ADMIN: 12n, CAP_PERFMON: 38n, CAP_BPF: 39n }
const CAP_SYS_ADMIN = 21n

/** First kernels with the ring buffer and the capabilities of their own, which every program needs. */
export const OLDEST_KERNEL = '5.8'

/** Reads the facts of this process. */
export function machineFacts(): MachineFacts {
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : ''
  return {
    kernelRelease: release(),
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`),
    hasBtf: existsSync('/sys/kernel/btf/vmlinux'),
  }
}

/** Whether `kernelRelease` (`6.18.44-generic`) is older than `version` (`5.17`). */
export function isOlder(kernelRelease: string, version: string): boolean {
  const [major = 0, minor = 0] = kernelRelease.split(/[.-]/).map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = version.split('.').map(Number)
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}

/** Names of the capabilities that this process lacks; CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON. */
export function missingCapabilities(facts: MachineFacts): string[] {
  const has = (bit: bigint) => (facts.capabilities & (1n << bit)) !== 0n
  return Object.entries(NEEDED)
    .filter(([name, bit]) => !has(bit) && !(name !== 'CAP_NET_ADMIN' && has(CAP_SYS_ADMIN)))
    .map(([name]) => name)
}
