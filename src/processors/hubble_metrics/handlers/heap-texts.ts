/** Most texts known, and most bytes of them; beyond that all are forgotten and learned anew. */
const MAX_TEXTS = 4_096
const MAX_BYTES = 1 << 20

const SLOTS = 4 * MAX_TEXTS

const utf8 = new TextDecoder()

/**
 * Numbers (below 4,096) for texts that lie as bytes in the heap of a batch, so that counting a row decodes nothing: an open hash of
 * copies of the bytes.
 */
export class HeapTexts {
  readonly #onForget: () => void
  /** Number + 1; 0 = free. */
  readonly #slots = new Uint16Array(SLOTS)
  readonly #hashes: number[] = []
  #texts: Uint8Array[] = []
  #bytes = 0

  /** @param onForget called before numbers come to stand for other texts */
  constructor(onForget: () => void) {
    this.#onForget = onForget
  }

  /** The number of `heap[at, end)`. */
  number(heap: Uint8Array, at: number, end: number): number {
    const hash = hashOf(heap, at, end)
    let slot = hash & (SLOTS - 1)
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & (SLOTS - 1)) {
      const number = this.#slots[slot]! - 1
      if (this.#hashes[number] === hash && isText(this.#texts[number]!, heap, at, end)) return number
    }
    return this.#add(heap.slice(at, end), hash)
  }

  /** The text of a number. */
  text(number: number): string {
    return utf8.decode(this.#texts[number])
  }

  #add(text: Uint8Array, hash: number): number {
    if (this.#texts.length >= MAX_TEXTS || this.#bytes + text.length > MAX_BYTES) this.#forget()
    const number = this.#texts.push(text) - 1
    this.#hashes[number] = hash
    this.#bytes += text.length
    let slot = hash & (SLOTS - 1)
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1)
    this.#slots[slot] = number + 1
    return number
  }

  #forget(): void {
    this.#onForget()
    this.#slots.fill(0)
    this.#texts = []
    this.#bytes = 0
  }
}

/** FNV-1a, mixed so that the low bits depend on all. */
function hashOf(heap: Uint8Array, at: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = at; i < end; i++) hash = Math.imul(hash ^ heap[i]!, 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

function isText(text: Uint8Array, heap: Uint8Array, at: number, end: number): boolean {
  if (text.length !== end - at) return false
  for (let i = 0; i < text.length; i++) if (text[i] !== heap[at + i]) return false
  return true
}
