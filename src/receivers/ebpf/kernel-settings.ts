import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { objectPath } from '../../../native/addon.ts'
import type { CaptureOptions, ObjectChoice } from '../../../native/capture.ts'
import { type EbpfConfig, NO_LOSS } from './config.ts'

/** FOVEA_CONNECTIONS_PER_BUCKET of `bpf/include/event.h`. */
const CONNECTIONS_PER_BUCKET = 4
/** Words of `cfg_hash_seed`. */
const SEED_WORDS = 12
/** Reasons that `cfg_left_out` has a bit for, 64 in each word. */
const LEFT_OUT_WORDS = 8
/** The reader is woken out of its turn when the ring is filled by one part in so many. */
const WAKEUP_PART = 8

/**
 * What the addon loads for a configuration.
 * @param reasons this kernel's drop reasons, number and name
 */
export function captureOptions(config: EbpfConfig, reasons: readonly (readonly [number, string])[]): CaptureOptions {
  const ringBytes = config.ring_size_mib << 20
  const buckets = Math.ceil(config.max_connections / CONNECTIONS_PER_BUCKET)
  return {
    objects: objects(config),
    maxEntries: { events: ringBytes, connections: config.programs.packets ? buckets : 1 },
    rodata: {
      cfg_wakeup_bytes: ringBytes / WAKEUP_PART,
      ...(config.programs.packets ? packetSettings(config) : {}),
      ...(config.programs.drops ? { cfg_left_out: leftOut(config.drops.exclude_reasons, reasons) } : {}),
      ...(config.programs.drops || config.programs.tcp ? { cfg_network_namespace: networkNamespace() } : {}),
      ...(config.programs.tcp ? { cfg_tcp_states: config.tcp.states } : {}),
    },
    attach: config.attach,
    interfaces: config.interfaces,
    pollMs: Math.max(1, Math.round(config.slabs.poll_interval)),
    slabMs: Math.max(1, Math.round(config.slabs.max_delay)),
  }
}

/**
 * Names of `excluded` that this kernel does not know; empty where it knows no reasons at all (before 5.17). Those of the default
 * are nobody's mistake: kernels differ.
 */
export function unknownReasons(excluded: readonly string[], reasons: readonly (readonly [number, string])[]): string[] {
  const known = new Set(reasons.map(([, name]) => name))
  return known.size === 0 ? [] : excluded.filter((name) => !known.has(name) && !NO_LOSS.includes(name))
}

function objects({ programs }: EbpfConfig): ObjectChoice[] {
  const names = (['packets', 'drops', 'tcp'] as const).filter((name) => programs[name])
  return names.map((name) => ({ path: objectPath(name) }))
}

function packetSettings(config: EbpfConfig) {
  return {
    cfg_aggregate: config.aggregation === 'connection',
    cfg_report_interval_ns: nanos(config.report_interval),
    cfg_tcp_idle_ns: nanos(config.tcp_idle_timeout),
    cfg_other_idle_ns: nanos(config.idle_timeout),
    cfg_dns: config.programs.dns,
    cfg_dns_ports: [...config.dns.ports, 0, 0, 0, 0].slice(0, 4),
    cfg_hash_seed: [...new Uint32Array(Uint8Array.from(randomBytes(4 * SEED_WORDS)).buffer)],
  }
}

function leftOut(excluded: readonly string[], reasons: readonly (readonly [number, string])[]): bigint[] {
  const words = Array.from({ length: LEFT_OUT_WORDS }, () => 0n)
  for (const [number, name] of reasons) {
    const word = number >>> 6
    if (word < LEFT_OUT_WORDS && excluded.includes(name)) words[word] = words[word]! | (1n << BigInt(number & 63))
  }
  return words
}

/** What tells the interfaces of this network namespace from those of others, which the tracepoints see too. */
function networkNamespace(): number {
  return statSync('/proc/self/ns/net', { throwIfNoEntry: false })?.ino ?? 0
}

function nanos(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1e6))
}
