/** Most characters of what a backend says that are told. */
const MOST_CHARACTERS = 500

/** What a backend says, as one line of bounded length without control characters, whoever answered. */
export function printable(text: string): string {
  // Cut first: backends may say megabytes.
  return text
    .slice(0, 4 * MOST_CHARACTERS)
    .replace(/[^\P{C}]+/gu, ' ')
    .trim()
    .slice(0, MOST_CHARACTERS)
}
