/** The error that a promise, or the call that makes one, is rejected with. @throws Error when it is not */
export async function rejection(failing: Promise<unknown> | (() => Promise<unknown>)): Promise<Error> {
  try {
    await (typeof failing === 'function' ? failing() : failing)
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}
