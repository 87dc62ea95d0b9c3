import { readFile } from 'node:fs/promises'
import type { Problem } from '../component.ts'
import { FileReload, type Loaded, type ReloadEvents } from './file-reload.ts'
import { type OptionalSection, optionalSection } from './optional-section.ts'
import { fingerprint } from './read-pem.ts'

/** `auth` of a client. */
export interface ClientAuthConfig {
  basic: OptionalSection & { username: string; password_file: string }
  bearer: OptionalSection & { token_file: string }
}

/** Schema of a client's `auth` section. Secrets are in files, which may change while running (tokens of service accounts do). */
export const clientAuthSchema = {
  basic: optionalSection({
    username: { doc: 'sent with the password in every request', format: String, default: '' },
    password_file: { doc: 'file with the password; read again when it changes', format: 'file', default: '' },
  }),
  bearer: optionalSection({
    token_file: { doc: 'file with the token; read again when it changes', format: 'file', default: '' },
  }),
}

/** What settings alone cannot tell: above all, no secret over plain text. @param plainText whether the connection is */
export function checkClientAuth({ basic, bearer }: ClientAuthConfig, plainText: boolean): Problem[] {
  const problem = (path: readonly string[], message: string) => ({ path: ['auth', ...path], message })
  if (!basic.enabled && !bearer.enabled) return []
  const problems: Problem[] = []
  if (plainText) problems.push(problem([], 'needs TLS: in plain text everybody reads the secret'))
  if (basic.enabled && bearer.enabled) problems.push(problem([], 'either "basic" or "bearer", not both'))
  if (basic.enabled && basic.username === '')
    problems.push(problem(['basic', 'username'], 'requires a non-empty "username"'))
  if (basic.username.includes(':')) problems.push(problem(['basic', 'username'], 'a username has no colon (RFC 7617)'))
  if (basic.enabled && basic.password_file === '')
    problems.push(problem(['basic', 'password_file'], 'requires a "password_file"'))
  if (bearer.enabled && bearer.token_file === '')
    problems.push(problem(['bearer', 'token_file'], 'requires a "token_file"'))
  return problems
}

/** Files are looked at again after this long. */
const LOOK_MS = 10_000

/** Header `authorization` of a client (RFC 7617, RFC 6750) that follows its file. */
export class Authorization {
  readonly #reload: FileReload<string>
  #value: string
  #lookedMs = performance.now()

  private constructor(first: Loaded<string>, load: () => Promise<Loaded<string>>, events: ReloadEvents) {
    this.#value = first.content
    const apply = (value: string) => {
      this.#value = value
    }
    this.#reload = new FileReload('auth', first, { load, apply, events })
  }

  /** @returns undefined when none is configured @throws Error that names the file at fault */
  static async open(config: ClientAuthConfig, events: ReloadEvents): Promise<Authorization | undefined> {
    const load = loader(config)
    return load === undefined ? undefined : new Authorization(await load(), load, events)
  }

  /** The header's value now. A file that is no good any more leaves the one before in force. */
  async value(): Promise<string> {
    if (performance.now() - this.#lookedMs >= LOOK_MS) {
      this.#lookedMs = performance.now()
      await this.#reload.look()
    }
    return this.#value
  }
}

function loader({ basic, bearer }: ClientAuthConfig): (() => Promise<Loaded<string>>) | undefined {
  if (bearer.enabled) return () => load('auth::bearer::token_file', bearer.token_file, (token) => `Bearer ${token}`)
  if (!basic.enabled) return undefined
  const encode = (password: string) => `Basic ${Buffer.from(`${basic.username}:${password}`).toString('base64')}`
  return () => load('auth::basic::password_file', basic.password_file, encode)
}

/** One newline at the end of the file is no part of the secret. */
async function load(setting: string, path: string, header: (secret: string) => string): Promise<Loaded<string>> {
  const content = await readFile(path).catch((cause: Error) => {
    throw new Error(`${setting}: ${cause.message}`, { cause })
  })
  const value = header(content.toString('utf8').replace(/\r?\n$/, ''))
  if (!/^\S+ \S[ -~]*$/.test(value)) throw new Error(`${setting}: ${path} is empty, or no line of printable ASCII`)
  return { content: value, fingerprint: fingerprint(content) }
}
