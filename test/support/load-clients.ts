import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { root } from './checkout.ts'

/** What one follower got. */
export interface FollowerReport {
  /** Index of its filter. */
  client: number
  received: number
  /** Flows it did not ask for, got twice or out of order. */
  wrong: number
  /** Events it was told are lost. */
  lost: number
  /** Number of the last flow; -1 = none yet. */
  last: number
  error: string
}

/** grpc-js clients in a process of their own, each with a filter of `LOAD_FILTERS`. */
export class LoadClients {
  readonly #child: ChildProcess

  constructor(server: string, filters: readonly number[]) {
    this.#child = fork(join(root, 'test/support/load-clients-process.ts'), [server, ...filters.map(String)])
  }

  /** What they got so far. */
  reports(): Promise<FollowerReport[]> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`the clients ended with ${code}`))
      this.#child.once('exit', ended)
      this.#child.once('message', (reports: FollowerReport[]) => {
        this.#child.off('exit', ended)
        resolve(reports)
      })
      this.#child.send('report')
    })
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await ended
  }
}
