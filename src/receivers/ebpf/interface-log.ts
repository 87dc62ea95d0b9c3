import type { Logger } from 'pino'
import type { InterfaceStatus } from '../../../native/capture.ts'

/** Logs what changed among the interfaces: those that come and go at debug level, those that cannot be observed once each. */
export class InterfaceLog {
  readonly #log: Logger
  #known = new Map<number, string>()
  #first = true

  constructor(log: Logger) {
    this.#log = log
  }

  tell(interfaces: readonly InterfaceStatus[]): void {
    const now = new Map<number, string>()
    for (const one of interfaces) {
      if (one.role === 'ignored') continue
      const text = one.error === '' ? `${one.name} as ${one.role} by ${one.method}` : `${one.name}: ${one.error}`
      now.set(one.index, text)
      if (this.#known.get(one.index) === text) continue
      if (one.error !== '') this.#log.warn(`cannot attach to interface ${text}`)
      else if (!this.#first) this.#log.debug(`observing ${text}`)
    }
    for (const [index, text] of this.#known) if (!now.has(index)) this.#log.debug(`gone: ${text}`)
    if (this.#first) this.#tellFirst([...now.values()])
    this.#first = false
    this.#known = now
  }

  #tellFirst(interfaces: readonly string[]): void {
    if (interfaces.length > 0) this.#log.info({ interfaces }, `observing ${interfaces.length} interfaces`)
    else this.#log.warn('observing no interface: none that there is fits interfaces::include and interfaces::exclude')
  }
}
