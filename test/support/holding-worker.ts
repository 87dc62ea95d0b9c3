const held: ArrayBuffer[] = []

/** Keeps so many bytes in this thread, for tests of what threads use. */
export function hold(bytes: number): number {
  held.push(new ArrayBuffer(bytes))
  return held.length
}
