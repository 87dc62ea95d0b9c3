import { totalmem } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { WorkerPool } from '../../pipeline/pool.ts'

/** What the limiter knows of and does to the process's memory; tests give their own. */
export interface Memory {
  /** Bytes in use: heaps and what hangs on them, of the main thread and of the workers. */
  usedBytes(): Promise<number>
  /** Bytes there are: the cgroup's limit or the machine's memory. */
  totalBytes(): number
  /** Collects garbage now, on the main thread. */
  collect(): void
}

/** The memory of this process. */
export function processMemory(pool: WorkerPool): Memory {
  return {
    usedBytes: async () => mainThreadBytes() + (await pool.heapBytes()),
    totalBytes,
    collect: garbageCollector(),
  }
}

/** `external` holds the array buffers already (Node's documentation of `process.memoryUsage`). */
function mainThreadBytes(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Without a limit `constrainedMemory` is 0, or larger than any machine. */
function totalBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/** V8 hands its collector to contexts made after the flag; the flag is taken back at once. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  return collect
}
