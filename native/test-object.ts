import { loadAddon } from './addon.ts'

/** Values of `volatile const` variables by name; lists for arrays. */
export type Rodata = Readonly<Record<string, number | bigint | boolean | readonly (number | bigint)[]>>

export interface TestObjectOptions {
  /** Path of the object file. */
  path: string
  /** Programs to load; all when absent. */
  programs?: readonly string[]
  rodata?: Rodata
  /** `max_entries` by map name (`events`: bytes, a power of two of at least a page). */
  maxEntries?: Readonly<Record<string, number>>
}

/** Fields of the `__sk_buff` a program is run with. */
export interface TestContext {
  /** An interface that exists in this network namespace; 0 or absent = loopback. */
  ifindex?: number
  mark?: number
  gsoSize?: number
  gsoSegs?: number
  wireBytes?: number
  /** How often the program runs on the packet (default 1). */
  repeat?: number
}

export interface TestResult {
  /** The program's return value, signed. */
  returned: number
  /** Mean run time of one repetition in ns. */
  nanos: number
  /** The packet as the program left it. */
  data: Uint8Array
}

/** One BPF object loaded by itself; its maps keep their content from run to run. */
export interface TestObject {
  /** BPF_PROG_TEST_RUN of a `tc` program. `packet`: at least 14 bytes. @throws Error with the errno text */
  run(program: string, packet: Uint8Array, context?: TestContext): TestResult
  /** Takes what waits in the ring `events`: one array per record, `struct fovea_event` and payload. */
  records(): Uint8Array[]
  /** The map `counters` summed over the CPUs, in the order of `enum fovea_counter`. */
  counters(): number[]
  /** Keys and values of a map that is not per CPU. */
  entries(map: string): { key: Uint8Array; value: Uint8Array }[]
  close(): void
}

/**
 * Loads a BPF object for tests with BPF_PROG_TEST_RUN (Documentation/bpf/bpf_prog_run.rst).
 * @throws Error naming the program that does not load, with the end of the verifier's log
 */
export function openTestObject(options: TestObjectOptions): TestObject {
  return new (loadAddon().TestObject)(options)
}
