/** What files hold. */
export interface Loaded<Content> {
  content: Content
  /** Differs when the files differ. */
  fingerprint: string
}

/** Which files of a component: those of TLS, or the password. */
export type FileSet = 'tls' | 'auth'

/** Told how files fare that are read again. */
export interface ReloadEvents {
  /** The new files are no good (once for each fault): what was read before stays in force. */
  reloadFailed(files: FileSet, error: Error): void
  /** Files are in force that were not before, or the same ones again after a fault. */
  reloaded(files: FileSet): void
}

/** How files are read again. */
export interface ReloadSteps<Content> {
  /** Reads them; rejects when they are no good. */
  load(): Promise<Loaded<Content>>
  /** Puts what they hold in force. */
  apply(content: Content): void
  events: ReloadEvents
}

/** Files that stay as they were read last, as long as new ones are no good. */
export class FileReload<Content> {
  readonly #files: FileSet
  readonly #load: () => Promise<Loaded<Content>>
  readonly #events: ReloadEvents
  readonly #apply: (content: Content) => void
  #fingerprint: string
  /** What is wrong at present; `''` = nothing. */
  #fault = ''

  /** @param first what is in force already */
  constructor(files: FileSet, first: Loaded<Content>, { load, apply, events }: ReloadSteps<Content>) {
    this.#files = files
    this.#fingerprint = first.fingerprint
    this.#load = load
    this.#apply = apply
    this.#events = events
  }

  /** Reads the files; what changed is put in force. Never rejects. */
  async look(): Promise<void> {
    try {
      const { content, fingerprint } = await this.#load()
      const same = fingerprint === this.#fingerprint
      if (!same) this.#apply(content)
      this.#fingerprint = fingerprint
      if (!same || this.#fault !== '') this.#events.reloaded(this.#files)
      this.#fault = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== this.#fault) this.#events.reloadFailed(this.#files, error as Error)
      this.#fault = message
    }
  }

  /** Looks every `intervalMs`, one look at a time; 0 = never. @returns a function that ends it */
  every(intervalMs: number): () => void {
    if (intervalMs === 0) return () => {}
    let timer: NodeJS.Timeout | undefined
    let ended = false
    const next = () => {
      if (ended) return
      timer = setTimeout(() => void this.look().then(next), intervalMs)
      timer.unref()
    }
    next()
    return () => {
      ended = true
      clearTimeout(timer)
    }
  }
}
