/** Where the lines of a flow log go: a file that is rotated, or a stream. */
export interface Output {
  /**
   * Writes whole lines.
   * @throws Error when they could not be written: nothing of them is left behind, and the same lines may be tried again
   * @throws OutputClosedError when nobody takes lines any more
   */
  write(lines: Uint8Array): Promise<void>
  /** What was written survives a crash of the machine from here on. */
  sync(): Promise<void>
  /** @param deadlineMs Unix milliseconds after which work in the background is given up */
  close(deadlineMs: number): Promise<void>
}

/** The reader of a pipe went away: no later write can succeed. */
export class OutputClosedError extends Error {
  override readonly name = 'OutputClosedError'
}
