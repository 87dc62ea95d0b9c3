import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { root } from './checkout.ts'

export type LoadCommand = { at: 'flood'; perSecond: number; seconds: number } | { at: 'state' }

export type LoadReport =
  | { at: 'serving'; server: string; maxBytes: number; rssMiB: number }
  | { at: 'flooded'; sent: number; cpuSeconds: number }
  | LoadState

export interface LoadState {
  at: 'state'
  streams: number
  sent: number
  lost: number
  /** Most since the start. */
  rssMiB: number
}

/** A process with a hubble exporter whose flows are made in place, as `loaded-hubble-process.ts` makes them. */
export class LoadedHubble {
  readonly server: string
  /** The ring's. */
  readonly maxBytes: number
  /** Resident memory before any flow. */
  readonly baseMiB: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, serving: LoadReport & { at: 'serving' }) {
    this.#child = child
    this.server = serving.server
    this.maxBytes = serving.maxBytes
    this.baseMiB = serving.rssMiB
  }

  /** @param history directory; undefined = memory alone */
  static async start(history?: string): Promise<LoadedHubble> {
    const program = join(root, 'test/support/loaded-hubble-process.ts')
    // As src/main.ts runs.
    const execArgv = [...process.execArgv, '--max-semi-space-size=2']
    const child = fork(program, history === undefined ? [] : [history], { execArgv })
    return new LoadedHubble(child, await told(child, 'serving'))
  }

  /** Makes flows for so long, numbered from 0. Once only. */
  flood(perSecond: number, seconds: number): Promise<{ sent: number; cpuSeconds: number }> {
    return this.#ask({ at: 'flood', perSecond, seconds }, 'flooded')
  }

  state(): Promise<LoadState> {
    return this.#ask({ at: 'state' }, 'state')
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await ended
  }

  #ask<At extends LoadReport['at']>(command: LoadCommand, at: At): Promise<LoadReport & { at: At }> {
    const answer = told(this.#child, at)
    this.#child.send(command)
    return answer
  }
}

function told<At extends LoadReport['at']>(child: ChildProcess, at: At): Promise<LoadReport & { at: At }> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the agent ended with ${code}`))
    const listener = (report: LoadReport) => {
      if (report.at !== at) return
      child.off('message', listener)
      child.off('exit', ended)
      resolve(report as LoadReport & { at: At })
    }
    child.on('message', listener)
    child.once('exit', ended)
  })
}
