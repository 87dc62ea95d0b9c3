/** Number of texts that say nothing. */
export const NO_TEXT = 0

/** Numbers for texts. */
export class TextNumbers {
  readonly #numbers = new Map<string, number>([['', NO_TEXT]])
  readonly #texts = ['']

  get size(): number {
    return this.#texts.length
  }

  /** Number of a text, given on first sight; `NO_TEXT` of the empty one. */
  number(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const number = this.#texts.push(text) - 1
    this.#numbers.set(text, number)
    return number
  }

  text(number: number): string {
    return this.#texts[number]!
  }

  /** Forgets all but the empty one. */
  clear(): void {
    this.#numbers.clear()
    this.#numbers.set('', NO_TEXT)
    this.#texts.length = 1
  }
}
