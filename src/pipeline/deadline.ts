/** Resolves with `work`, or at the deadline. @param deadlineMs Unix milliseconds */
export async function before(deadlineMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadlineMs - Date.now()))
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
