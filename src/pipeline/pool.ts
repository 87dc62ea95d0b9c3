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
      maxQueue: 64,
    })
    return this.#pool.run(task, { filename: file.href, name, transferList: move as unknown as TransferList })
  }

  /** Waits for running tasks, then ends the threads. */
  async close(): Promise<void> {
    await this.#pool?.close()
    this.#pool = undefined
  }
}
