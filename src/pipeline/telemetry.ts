import { Family, type FamilyOptions } from '../metrics/family.ts'

/** A counter bound to one label set. */
export interface Counter {
  add(amount: number): void
}

/** The service's own metrics, under the Collector's names (`otelcol_receiver_accepted_flows`, …). */
export class Telemetry {
  #families = new Map<string, Family>()
  #gauges = new Map<string, () => void>()
  #refreshers = new Set<() => void>()

  /** The family of that name, made on first use. */
  family(options: FamilyOptions): Family {
    let family = this.#families.get(options.name)
    if (family === undefined) {
      family = new Family(options)
      this.#families.set(options.name, family)
    }
    return family
  }

  /** A counter with fixed labels. */
  counter(name: string, help: string, labels: Readonly<Record<string, string>> = {}): Counter {
    const family = this.family({ name, help, kind: 'counter', labels: Object.keys(labels) })
    const id = family.series(...Object.values(labels))
    return { add: (amount) => family.add(id, amount) }
  }

  /**
   * A gauge with fixed labels whose value is asked for at every read-out. Returns a function that ends that.
   * Asked for again with the same labels, the newer one counts: over a reload the new component may come before the old one goes.
   */
  gauge(name: string, help: string, labels: Readonly<Record<string, string>>, read: () => number): () => void {
    const family = this.family({ name, help, kind: 'gauge', labels: Object.keys(labels) })
    const id = family.series(...Object.values(labels))
    const key = `${name}\u0000${id}`
    const refresh = () => family.set(id, read())
    this.#gauges.set(key, refresh)
    return () => {
      if (this.#gauges.get(key) !== refresh) return
      this.#gauges.delete(key)
      family.remove(id)
    }
  }

  /**
   * A counter with fixed labels of what something hot counts itself, asked for at every read-out: it grows by what that
   * grows from now on, and so never falls when another component takes over. Returns a function that asks for the last time.
   */
  countOf(name: string, help: string, labels: Readonly<Record<string, string>>, read: () => number): () => void {
    const counter = this.counter(name, help, labels)
    let counted = read()
    const tell = () => {
      const now = read()
      counter.add(now - counted)
      counted = now
    }
    const end = this.beforeRead(tell)
    return () => {
      tell()
      end()
    }
  }

  /** Runs `refresh` before every read-out, for what is not known by events. Returns a function that ends that. */
  beforeRead(refresh: () => void): () => void {
    this.#refreshers.add(refresh)
    return () => void this.#refreshers.delete(refresh)
  }

  /** Forgets a family, so that its name may come again with other labels. */
  forget(name: string): void {
    this.#families.delete(name)
  }

  /** All families, gauges refreshed. */
  families(): readonly Family[] {
    for (const refresh of this.#refreshers) refresh()
    for (const refresh of this.#gauges.values()) refresh()
    return [...this.#families.values()]
  }
}
