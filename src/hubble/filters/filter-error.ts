/** A filter that no flow can be compared with; the message is for the client. */
export class FilterError extends Error {
  override readonly name = 'FilterError'
}

/** What `parse` returns; says in its error what was parsed. @throws FilterError */
export function explained<T>(what: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new FilterError(`${what}: ${(cause as Error).message}`, { cause })
  }
}
