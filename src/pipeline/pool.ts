import type { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'

/** Piscina names this type after a DOM overload of `postMessage`; what it passes on is the list. */
type TransferList = NonNullable<Parameters<Piscina['run']>[1]>['transferList']

/** Worker threads shared by every component: decoding and encoding run there, with moved buffers in and out. */
export class WorkerPool {
  readonly threads: number
  #pool: Piscina | undefined

  /** @param threads number of worker threads; one is enough for several million records a second */
  constructor(threads = 1) {
    this.threads = threads
  }

  /**
   * Runs the function exported as `name` from the module `file`.
   * Tasks answer errors as data; a rejection means that the worker died and that what was moved into it is lost.
   */
  run<Out>(file: URL, name: string, task: unknown, move: readonly ArrayBuffer[]): Promise<Out> {
    this.#pool ??= new Piscina({
      minThreads: this.threads,
      maxThreads: this.threads,
      idleTimeout: Infinity,
      // Those who give tasks bound their number (the ebpf receiver: 256 slabs); what is beyond fails like a dead worker.
      maxQueue: 1_024,
    })
    return this.#pool.run(task, { filename: file.href, name, transferList: move as unknown as TransferList })
  }

  /** Bytes in use by the threads: their heaps and the buffers that hang on them. */
  async heapBytes(): Promise<number> {
    const used = await Promise.all((this.#pool?.threads ?? []).map(threadBytes))
    return used.reduce((sum, bytes) => sum + bytes, 0)
  }

  /** Waits for running tasks, then ends the threads. */
  async close(): Promise<void> {
    await this.#pool?.close()
    this.#pool = undefined
  }
}

/** A thread that is just ending has no heap left to ask for. */
async function threadBytes(thread: Worker): Promise<number> {
  try {
    const { used_heap_size: heap, external_memory: external } = await thread.getHeapStatistics()
    return heap + external
  } catch {
    return 0
  }
}
