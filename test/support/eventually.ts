import { setTimeout } from 'node:timers/promises'

/** Asks until there is an answer. @throws Error when there is none within `timeoutMs` */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 30_000,
): Promise<T> {
  for (const endMs = Date.now() + timeoutMs; Date.now() < endMs; await setTimeout(50)) {
    const answer = await ask()
    if (answer !== undefined) return answer
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
}
