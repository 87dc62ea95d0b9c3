import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './checkout.ts'
import type { NetworkNamespace } from './network-namespace.ts'

/** What the command line left behind. */
export interface Finished {
  status: number | null
  stdout: string
  stderr: string
}

const TIMEOUT_MS = 30_000

/** The command line with the components of `test-catalog.ts`. */
export const TEST_MAIN = join(root, 'test/support/test-main.ts')

/** A running `fovea`, from the sources. */
export class FoveaProcess {
  readonly #child: ChildProcess
  readonly #ended: Promise<Finished>
  #stdout = ''
  #stderr = ''
  #heard: () => void = () => {}

  /** @param inside network namespace to run in, this process's own by default */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    main = join(root, 'src/main.ts'),
    inside?: NetworkNamespace,
  ) {
    const words = [process.execPath, main, ...args]
    const [program, rest] = inside?.command(...words) ?? [process.execPath, words.slice(1)]
    this.#child = spawn(program, rest, {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk) => {
      this.#stdout += chunk
      this.#heard()
    })
    this.#child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk
      this.#heard()
    })
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), TIMEOUT_MS)
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', (status) => {
        clearTimeout(timer)
        this.#heard()
        resolve({ status, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Everything written so far, both streams. */
  get output(): string {
    return this.#stdout + this.#stderr
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves when `pattern` was written (`times` times). @throws Error with the output when the process ends before */
  async wrote(pattern: RegExp, times = 1): Promise<RegExpExecArray> {
    for (;;) {
      const found = [...this.output.matchAll(new RegExp(pattern, 'g'))][times - 1]
      if (found !== undefined) return found
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`ended without writing ${pattern}:\n${this.output}`)
      }
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  ended(): Promise<Finished> {
    return this.#ended
  }

  /** Ends it, whatever it is doing. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

/** Runs a command to its end. */
export function fovea(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return new FoveaProcess(args, env).ended()
}

/** A folder for a test's files. */
export class ConfigFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'fovea-config-'))

  /** @returns the file's path */
  write(name: string, text: string): string {
    const path = join(this.path, name)
    writeFileSync(path, text)
    return path
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
