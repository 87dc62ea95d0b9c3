import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'

/** Content of a PEM file; `undefined` when no path is set. @throws Error that names the setting and the file */
export async function readPem(setting: string, path: string): Promise<Buffer | undefined> {
  if (path === '') return undefined
  try {
    return await readFile(path)
  } catch (cause) {
    throw new Error(`failed to load TLS config: ${setting}: ${reason(cause)}`, { cause })
  }
}

/** Tries the options once, so that a key that does not fit its certificate is found before anything listens. */
export function checkedContext(options: SecureContextOptions): SecureContextOptions {
  try {
    createSecureContext(options)
    return options
  } catch (cause) {
    throw new Error(`failed to load TLS config: ${reason(cause)}`, { cause })
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
