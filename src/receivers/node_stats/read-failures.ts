import { getSystemErrorName } from 'node:util'
import type { CreateContext } from '../../pipeline/component.ts'

/** Counts what could not be read, by what it was and why, and tells each pair once. */
export class ReadFailures {
  readonly #context: CreateContext
  readonly #told = new Set<string>()

  constructor(context: CreateContext) {
    this.#context = context
  }

  /** @param source part of the configuration that it belongs to @param errno of the kernel, positive @param remedy what to do */
  refused(source: string, what: string, errno: number, remedy = ''): void {
    this.#count(source, getSystemErrorName(-errno), `cannot read ${what}: ${getSystemErrorName(-errno)}`, remedy)
  }

  /** @param cause thrown while reading */
  thrown(source: string, what: string, cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    const code = 'code' in error ? String(error.code) : 'malformed'
    this.#count(source, code, `cannot read ${what}: ${error.message}`, '')
  }

  /** The reading did not end in time. */
  late(afterMs: number): void {
    this.#count('all', 'timeout', `the kernel took more than ${afterMs} ms to tell its statistics`, '')
  }

  /** @param cause of a small set: it becomes a label */
  #count(source: string, cause: string, message: string, remedy: string): void {
    const { telemetry, id, log } = this.#context
    const help = 'Parts of a reading that failed.'
    telemetry.counter('fovea_node_stats_read_failures', help, { receiver: id, source, cause }).add(1)
    const key = `${source} ${cause}`
    if (this.#told.has(key)) return
    this.#told.add(key)
    log.warn(`${message}${remedy === '' ? '' : `; ${remedy}`} (told once, counted in fovea_node_stats_read_failures)`)
  }
}
