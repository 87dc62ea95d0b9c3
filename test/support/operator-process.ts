import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from './checkout.ts'
import { eventually } from './eventually.ts'

/** `fovea operator` as a process of its own, for its memory. */
export class OperatorProcess {
  readonly #child: ChildProcess
  #output = ''

  constructor(args: readonly string[]) {
    const command = ['operator', '--endpoint', 'localhost:0', ...args]
    this.#child = spawn(process.execPath, [join(root, 'src/main.ts'), ...command], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child.stderr?.on('data', (data) => {
      this.#output += data
    })
  }

  /** Everything it has logged. */
  get output(): string {
    return this.#output
  }

  /** Its metrics: sums over all series of each name. */
  async metrics(): Promise<Map<string, number>> {
    const sums = new Map<string, number>()
    for (const { name, value } of await this.#series()) sums.set(name, (sums.get(name) ?? 0) + value)
    return sums
  }

  /** Requests it has made to the API server, by `verb resource`. */
  async requests(): Promise<Map<string, number>> {
    const sums = new Map<string, number>()
    for (const { name, labels, value } of await this.#series()) {
      if (name !== 'fovea_kubernetes_requests_total') continue
      const of = (label: string) => new RegExp(`${label}="([^"]*)"`).exec(labels)?.[1]
      const key = `${of('verb')} ${of('resource')}`
      sums.set(key, (sums.get(key) ?? 0) + value)
    }
    return sums
  }

  async #series(): Promise<{ name: string; labels: string; value: number }[]> {
    const url = await eventually('the operator to listen', () => {
      if (this.#child.exitCode !== null) throw new Error(`operator ended:\n${this.#output}`)
      return /metrics at (\S+),/.exec(this.#output)?.[1]
    })
    const lines = (await (await fetch(url)).text()).matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)
    return [...lines].map(([, name = '', labels = '', value]) => ({ name, labels, value: Number(value) }))
  }

  /** @param signal SIGKILL leaves it no time to give the Lease back */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill(signal)
    await exited
  }
}
