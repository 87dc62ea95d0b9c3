/** The first of many equal messages is told at once, and then at most one in this time. */
const EVERY_MS = 10_000

/**
 * Thins out messages that somebody else can cause at will, such as refusals.
 * @param tell gets how much there was since it was last called, this time included, and the newest detail
 * @returns a function to call each time, with how much (flows, connections) it concerned
 */
export function rarely<Detail>(
  tell: (since: number, detail: Detail) => void,
  clock: () => number = Date.now,
): (amount: number, detail: Detail) => void {
  let since = 0
  let nextMs = 0
  return (amount, detail) => {
    since += amount
    if (clock() < nextMs) return
    nextMs = clock() + EVERY_MS
    tell(since, detail)
    since = 0
  }
}
