import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { root } from '../support/checkout.ts'
import type { NetworkNamespace } from '../support/network-namespace.ts'

const POLL_MS = 200
const STOP_TIMEOUT_MS = 30_000

/** The real `npm start` of this checkout, in a namespace of its own, where the default ports are free. */
export class NpmStart {
  readonly #namespace: NetworkNamespace
  readonly #child: ChildProcess
  #output = ''

  /** @param before a command that runs npm with less than this process may, for example `['setpriv', '--bounding-set=-all']` */
  constructor(namespace: NetworkNamespace, before: readonly string[] = [], args: readonly string[] = []) {
    this.#namespace = namespace
    const [program, rest] = namespace.command(...before, 'npm', 'start', ...args)
    this.#child = spawn(program, rest, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk).slice(-1_000_000)
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
  }

  /** What it has printed so far (the last million characters). */
  get output(): string {
    return this.#output
  }

  /** Waits until the output has something. @throws Error with the whole output when it ends before, or time is up */
  async prints(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    const giveUpMs = Date.now() + timeoutMs
    for (;;) {
      const found = pattern.exec(this.#output)
      if (found !== null) return found
      if (this.#child.exitCode !== null || Date.now() > giveUpMs)
        throw new Error(`npm start did not print ${pattern}:\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  /** Status and body of a page of the agent, as seen from inside its namespace. */
  get(url: string): { status: number; body: string } {
    const script = `const r = await fetch('${url}'); console.log(JSON.stringify({ status: r.status, body: await r.text() }))`
    const [program, args] = this.#namespace.command(process.execPath, '--input-type=module', '-e', script)
    return JSON.parse(execFileSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20, timeout: 20_000 }))
  }

  /** Does what Ctrl-C does: the signal goes to the whole group. Resolves when npm and what it started have ended. */
  async interrupt(): Promise<void> {
    await this.#end('SIGINT')
  }

  /** Makes sure that nothing of it is left. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    process.kill(-pid, signal)
    const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }
}
