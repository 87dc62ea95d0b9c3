import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'

/** What ends or changes a running service from outside. */
export type ControlEvent = { is: 'end'; exit: number; error?: Error } | { is: 'reload' }

export interface Control {
  /** The next event; events that come while one is handled wait, reloads as one. */
  next(): Promise<ControlEvent>
  end(event: { exit: number; error?: Error }): void
  /** Watches these files for changes, in place of those before. */
  watch(files: readonly string[], enabled: boolean): void
}

/** Editors write a file in several steps. */
const SETTLE_MS = 200

/** npm passes on a signal that the terminal has sent to the whole group already: that is one press of Ctrl-C. */
const SAME_PRESS_MS = 500

/** Control by signals: SIGINT and SIGTERM end, a second one at once; SIGHUP and changed files reload. */
export class SignalControl implements Control {
  #ending: ControlEvent | undefined
  #firstStopMs: number | undefined
  #reload = false
  #wake = Promise.withResolvers<void>()
  #watchers: FSWatcher[] = []
  #settling: NodeJS.Timeout | undefined
  #handlers: Readonly<Partial<Record<NodeJS.Signals, () => void>>> = {
    SIGINT: () => this.#stop('SIGINT'),
    SIGTERM: () => this.#stop('SIGTERM'),
    SIGHUP: () => this.#changed(),
  }

  #force: () => void

  /** Waiting for a signal alone does not keep Node running, and a service need not listen on anything. */
  #alive = setInterval(() => {}, 0x7fff_ffff)

  /** @param force ends the process at a second signal */
  constructor(force: () => void) {
    this.#force = force
    for (const [signal, handler] of Object.entries(this.#handlers)) process.on(signal, handler)
  }

  async next(): Promise<ControlEvent> {
    for (;;) {
      if (this.#ending !== undefined) return this.#ending
      if (this.#reload) {
        this.#reload = false
        return { is: 'reload' }
      }
      await this.#wake.promise
      this.#wake = Promise.withResolvers<void>()
    }
  }

  end(event: { exit: number; error?: Error }): void {
    this.#ending ??= { is: 'end', ...event }
    this.#wake.resolve()
  }

  /** Folders are watched, not files: an editor or a ConfigMap puts a new file in the old one's place. */
  watch(files: readonly string[], enabled: boolean): void {
    this.#unwatch()
    if (!enabled) return
    const folders = Map.groupBy(files, (file) => dirname(resolve(file)))
    for (const [folder, inside] of folders) {
      // `..data` is the link that Kubernetes moves when a mounted ConfigMap changes.
      const names = new Set([...inside.map((file) => basename(file)), '..data'])
      const watcher = watch(folder, (_, name) => name !== null && names.has(name) && this.#settle())
      // The folder is gone, or the limit of watches is reached: SIGHUP reloads all the same.
      watcher.on('error', ({ message }) => process.stderr.write(`no longer watching ${folder}: ${message}\n`))
      this.#watchers.push(watcher)
    }
  }

  /** Gives the signals back and ends the watching. */
  close(): void {
    clearInterval(this.#alive)
    this.#unwatch()
    for (const [signal, handler] of Object.entries(this.#handlers)) process.off(signal, handler)
  }

  #stop(signal: NodeJS.Signals): void {
    const now = Date.now()
    if (this.#firstStopMs === undefined) {
      this.#firstStopMs = now
      this.end({ exit: 0 })
    } else if (now - this.#firstStopMs >= SAME_PRESS_MS) {
      process.stderr.write(`${signal} again: ending without waiting for what is still draining\n`)
      this.#force()
    }
  }

  #settle(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => this.#changed(), SETTLE_MS)
  }

  #changed(): void {
    this.#reload = true
    this.#wake.resolve()
  }

  #unwatch(): void {
    clearTimeout(this.#settling)
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
  }
}
