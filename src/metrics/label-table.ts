/**
 * Label values of one or more families, each distinct text kept once and known by a number. Values are counted, so that a
 * text goes when the last series that uses it goes.
 */
export class LabelTable {
  #ids = new Map<string, number>()
  #texts: (string | undefined)[] = []
  #uses: number[] = []
  #free: number[] = []

  /** Number of a text, or -1 when no series uses it. */
  find(text: string): number {
    return this.#ids.get(text) ?? -1
  }

  /** Number of a text, one use more. Every call is matched by one `release`. */
  take(text: string): number {
    const known = this.#ids.get(text)
    if (known !== undefined) {
      this.#uses[known]!++
      return known
    }
    const id = this.#free.pop() ?? this.#texts.length
    this.#texts[id] = text
    this.#uses[id] = 1
    this.#ids.set(text, id)
    return id
  }

  release(id: number): void {
    if (--this.#uses[id]! > 0) return
    this.#ids.delete(this.text(id))
    this.#texts[id] = undefined
    this.#free.push(id)
  }

  text(id: number): string {
    return this.#texts[id] ?? ''
  }

  /** Distinct texts in use. */
  get size(): number {
    return this.#ids.size
  }
}
