import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './checkout.ts'

/** The kinds of tests, in the order in which they run. */
export const LEVELS = ['unit', 'kernel', 'start', 'peers', 'windows', 'browser'] as const
export type Level = (typeof LEVELS)[number]

/** What each level asks of a run: how many files at once, and how long one file may take. */
export const LIMITS: Record<Level, { parallel: number; timeoutMs: number }> = {
  unit: { parallel: 2, timeoutMs: 120_000 },
  kernel: { parallel: 1, timeoutMs: 300_000 },
  start: { parallel: 1, timeoutMs: 300_000 },
  peers: { parallel: 1, timeoutMs: 600_000 },
  windows: { parallel: 1, timeoutMs: 300_000 },
  browser: { parallel: 1, timeoutMs: 300_000 },
}

/** The level of a test file. @param path relative to test/, for example `kernel/layout.test.ts` */
export function levelOf(path: string): Level {
  const folder = path.split('/')[0]
  return LEVELS.find((level) => level === folder) ?? 'unit'
}

/** Bits of CapEff (linux/capability.h). */
const CAP_NET_ADMIN = 12n
const CAP_SYS_ADMIN = 21n

/** Why eBPF programs cannot be loaded and namespaces not be made here; undefined when they can. */
export function kernelObstacle(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const capabilities = BigInt(`0x${effective}`)
  const has = (capability: bigint) => ((capabilities >> capability) & 1n) === 1n
  if (!has(CAP_NET_ADMIN) || !has(CAP_SYS_ADMIN)) return 'needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN)'
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'needs a kernel with BTF (/sys/kernel/btf/vmlinux)'
  if (!existsSync(join(root, 'build/build.ninja'))) return 'needs the addon, which could not be built'
  return undefined
}
