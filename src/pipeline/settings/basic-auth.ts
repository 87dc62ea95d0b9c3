import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Problem } from '../component.ts'
import { FileReload, type Loaded, type ReloadEvents } from './file-reload.ts'
import { type OptionalSection, optionalSection } from './optional-section.ts'
import { fingerprint } from './read-pem.ts'
import type { TlsServerConfig } from './tls-server.ts'

/** `auth` of a server. */
export interface AuthConfig {
  basic: BasicAuthConfig
}

export interface BasicAuthConfig extends OptionalSection {
  username: string
  password_file: string
}

/** A server that asks for no password. */
export const NO_AUTH: AuthConfig = { basic: { enabled: false, username: '', password_file: '' } }

/** Schema of a server's `auth` section. The password itself is no setting, so that nothing can print it. */
export const authSchema = {
  basic: optionalSection({
    username: {
      doc: 'the only user; clients send it with the password, in every request',
      format: String,
      default: '',
    },
    password_file: { doc: 'file with the password; read again as the files of tls are', format: 'file', default: '' },
  }),
}

/** What settings alone cannot tell: above all, no password over plain text. */
export function checkAuth({ basic }: AuthConfig, tls: TlsServerConfig): Problem[] {
  if (!basic.enabled) return []
  const problem = (key: string, message: string) => ({ path: ['auth', 'basic', key], message })
  return [
    ...(tls.enabled
      ? []
      : [{ path: ['auth', 'basic'], message: 'needs a "tls" section: in plain text everybody reads the password' }]),
    ...(basic.username === '' ? [problem('username', 'requires a non-empty "username"')] : []),
    ...(basic.username.includes(':') ? [problem('username', 'a username has no colon (RFC 7617)')] : []),
    ...(basic.password_file === '' ? [problem('password_file', 'requires a "password_file"')] : []),
  ]
}

/** What a refused client is answered. */
export const BASIC_CHALLENGE = 'Basic realm="fovea", charset="UTF-8"'

/** Checks the `authorization` header of HTTP Basic authentication (RFC 7617). */
export class BasicAuth {
  /** Digests of equal length are compared: how long that takes tells nothing of the password. */
  readonly #salt = randomBytes(32)
  #expected: Buffer
  readonly #stop: () => void

  private constructor(config: BasicAuthConfig, first: Loaded<string>, intervalMs: number, events: ReloadEvents) {
    this.#expected = this.#digest(first.content)
    const apply = (credentials: string) => {
      this.#expected = this.#digest(credentials)
    }
    this.#stop = new FileReload('auth', first, { load: () => load(config), apply, events }).every(intervalMs)
  }

  /** @returns `undefined` when no password is asked for @throws Error that names the file at fault */
  static async start(
    config: BasicAuthConfig,
    intervalMs: number,
    events: ReloadEvents,
  ): Promise<BasicAuth | undefined> {
    return config.enabled ? new BasicAuth(config, await load(config), intervalMs, events) : undefined
  }

  /** @param header value of `authorization`; undefined = none */
  accepts(header: string | undefined): boolean {
    const encoded = /^basic +([\w+/=-]+) *$/i.exec(header ?? '')?.[1]
    const given = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8')
    return timingSafeEqual(this.#digest(given), this.#expected)
  }

  /** Ends the reading. */
  close(): void {
    this.#stop()
  }

  #digest(credentials: string): Buffer {
    return createHmac('sha256', this.#salt).update(credentials).digest()
  }
}

/** `user:password`. One newline at the end of the file is no part of the password. */
async function load({ username, password_file: path }: BasicAuthConfig): Promise<Loaded<string>> {
  const setting = 'auth::basic::password_file'
  const content = await readFile(path).catch((cause: Error) => {
    throw new Error(`${setting}: ${cause.message}`, { cause })
  })
  const password = content.toString('utf8').replace(/\r?\n$/, '')
  if (password === '') throw new Error(`${setting}: ${path} is empty`)
  return { content: `${username}:${password}`, fingerprint: fingerprint(content) }
}
