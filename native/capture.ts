import { loadAddon } from './addon.ts'
import type { Rodata } from './test-object.ts'

/** A BPF object and those of its programs that are wanted (all when absent). */
export interface ObjectChoice {
  path: string
  programs?: readonly string[]
}

/** Shell patterns (`*`, `?`, `[…]`) on interface names. */
export interface InterfacePatterns {
  /** Only these; empty or absent = all. */
  include?: readonly string[]
  exclude?: readonly string[]
  /** Treated as the host's side of a pod's interface, whatever they are. */
  endpoint?: readonly string[]
  /** Treated as a device of this machine. */
  network?: readonly string[]
}

export interface CaptureOptions {
  objects: readonly ObjectChoice[]
  rodata?: Rodata
  /** `max_entries` by map name; `events` in bytes. */
  maxEntries?: Readonly<Record<string, number>>
  /** `auto`: tcx links, and clsact filters where the kernel has no tcx (before 6.6). */
  attach?: 'auto' | 'tcx' | 'clsact'
  interfaces?: InterfacePatterns
  /** Time between two looks at the ring while records come (default 5). */
  pollMs?: number
  /** Age at which a slab that is not full is delivered (default 50). */
  slabMs?: number
  /** Most records of one slab (default 16,384). */
  slabRecords?: number
}

/** Records as `struct fovea_event` with payload, back to back from offset 0; drop locations are ids for `location()`. */
export interface FilledSlab {
  slab: ArrayBuffer
  bytes: number
  records: number
  /** CLOCK_REALTIME − CLOCK_BOOTTIME as it was when the slab was delivered: seconds, and nanoseconds below one second. */
  offsetSeconds: number
  offsetNanos: number
}

export interface CaptureListener {
  /** The slab now belongs to the listener; it (or another one) comes back through `give`. Must not throw. */
  onSlab(slab: FilledSlab): void
  /** `interfaces()` says something new. Must not throw. */
  onInterfaces?(): void
}

/** What became of one program; `errno` 0 = loaded. */
export interface ProgramStatus {
  object: string
  program: string
  errno: number
  error: string
  /** End of libbpf's and the verifier's messages. */
  log: string
}

/** How a program ran; time and count are 0 unless `kernel.bpf_stats_enabled` is 1. */
export interface ProgramStats {
  program: string
  runNanos: number
  runs: number
  /** Events that the kernel left out because they came while the program was running on the same CPU (tracepoints, 5.12). */
  missed: number
}

export type InterfaceRole = 'ignored' | 'loopback' | 'endpoint' | 'network'

export interface InterfaceStatus {
  index: number
  name: string
  /** As in `ip -d link`: `veth`, `bridge`, …; empty for hardware. */
  kind: string
  role: InterfaceRole
  /** Programs attached: 2, on loopback 1; 0 when ignored or failed. */
  attached: number
  method: '' | 'tcx' | 'clsact'
  /** Why attaching failed; empty when it did not. */
  error: string
}

/** `enum fovea_counter`, summed over the CPUs, since the capture was opened. */
export interface KernelCounters {
  lostRing: number
  deferred: number
  tableFull: number
  notIp: number
  malformed: number
  dropsLeftOut: number
  seenPackets: number
  seenBytes: number
}

/** What the ring's thread did so far; zeroes when nothing was loaded. */
export interface ReadingStatus {
  records: number
  /** Records of a wrong length, left out. */
  malformed: number
  /** Times the ring had to wait because every slab was away. */
  starved: number
  waitingBytes: number
  /** Records that the connection table still held when `close` gave up. */
  unflushed: number
  freeSlabs: number
  /** Connections in the kernel's table, as the last sweep (once a second) found it. */
  connections: number
}

export interface DiscoveryStatus {
  /** Interfaces that vanished while programs were being attached. */
  vanished: number
  /** Attachments that failed for another reason. */
  failed: number
  /** Filters of earlier processes of ours, which had died, that were deleted. */
  cleaned: number
  /** Times announcements were lost and all interfaces were read again. */
  resyncs: number
}

/** The addon's own class. */
export interface NativeCapture {
  running(): boolean
  programs(): ProgramStatus[]
  stats(): ProgramStats[]
  counters(): number[]
  reading(): Partial<ReadingStatus>
  interfaces(): InterfaceStatus[]
  discovery(): DiscoveryStatus
  location(id: number): string
  give(slab: ArrayBuffer): void
  close(milliseconds: number): void
}

/** What the addon calls back with: a slab's fields after its name, or a notice alone. */
export type NativeEvent =
  | [name: 'slab', slab: ArrayBuffer, bytes: number, records: number, offsetSeconds: number, offsetNanos: number]
  | [name: 'interfaces' | 'closed']

/** A running observation of this machine: programs loaded and attached, records on their way. */
export class Capture {
  readonly #native: NativeCapture
  readonly #closed = Promise.withResolvers<void>()

  /**
   * Loads what can be loaded; `programs` tells what could not. Nothing is delivered before slabs were given.
   * @throws Error when settings do not fit the objects
   */
  constructor(options: CaptureOptions, listener: CaptureListener) {
    this.#native = new (loadAddon().Capture)(options, (...event) => this.#on(event, listener))
    if (!this.#native.running()) this.#closed.resolve()
  }

  /** Whether at least one program was loaded. */
  get running(): boolean {
    return this.#native.running()
  }

  get programs(): ProgramStatus[] {
    return this.#native.programs()
  }

  get interfaces(): InterfaceStatus[] {
    return this.#native.interfaces()
  }

  get discovery(): DiscoveryStatus {
    return this.#native.discovery()
  }

  get stats(): ProgramStats[] {
    return this.#native.stats()
  }

  get counters(): KernelCounters {
    const [lostRing, deferred, tableFull, notIp, malformed, dropsLeftOut, seenPackets, seenBytes] = this.#native
      .counters()
      .values()
    return {
      lostRing: lostRing ?? 0,
      deferred: deferred ?? 0,
      tableFull: tableFull ?? 0,
      notIp: notIp ?? 0,
      malformed: malformed ?? 0,
      dropsLeftOut: dropsLeftOut ?? 0,
      seenPackets: seenPackets ?? 0,
      seenBytes: seenBytes ?? 0,
    }
  }

  get reading(): ReadingStatus {
    return {
      records: 0,
      malformed: 0,
      starved: 0,
      waitingBytes: 0,
      unflushed: 0,
      freeSlabs: 0,
      connections: 0,
      ...this.#native.reading(),
    }
  }

  /** `symbol+0x1c` of a drop location; empty for id 0 and where the kernel hides its symbols (kptr_restrict). */
  location(id: number): string {
    return this.#native.location(id)
  }

  /** Hands a buffer over to be filled: not to be touched until it is delivered. */
  give(slab: ArrayBuffer): void {
    this.#native.give(slab)
  }

  /**
   * Takes every program off, reports what the connection table holds, delivers what the ring holds; then ends.
   * Slabs must go on being given back meanwhile.
   * @param milliseconds after which the rest is given up
   */
  close(milliseconds: number): Promise<void> {
    this.#native.close(milliseconds)
    return this.#closed.promise
  }

  #on(event: NativeEvent, listener: CaptureListener): void {
    switch (event[0]) {
      case 'slab': {
        const [, slab, bytes, records, offsetSeconds, offsetNanos] = event
        listener.onSlab({ slab, bytes, records, offsetSeconds, offsetNanos })
        break
      }
      case 'interfaces':
        listener.onInterfaces?.()
        break
      case 'closed':
        this.#closed.resolve()
        break
      default:
        event satisfies never
    }
  }
}

/** This kernel's drop reasons, `[number, name]`, names without `SKB_DROP_REASON_`; empty before 5.17 and without BTF. */
export function dropReasons(): [number, string][] {
  return loadAddon().dropReasons()
}
