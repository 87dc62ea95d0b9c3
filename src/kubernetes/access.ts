import { existsSync, statSync } from 'node:fs'
import { Agent as PlainAgent } from 'node:http'
import { Agent, type RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { kubeconfigReader } from './kubeconfig.ts'
import { hasServiceAccount, SERVICE_ACCOUNT, serviceAccount } from './service-account.ts'

/** Where the way to the API server is written down. */
export interface AccessOptions {
  /** Kubeconfig file; `''` = `$KUBECONFIG`, else the pod's service account, else ~/.kube/config. */
  kubeconfig?: string
  /** Context of the kubeconfig; `''` = its current one. */
  context?: string
  /** Only the pod's service account counts. */
  inCluster?: boolean
  /** Folder of the service account's files; `''` = where kubelet puts them. */
  serviceAccountDirectory?: string
  clock?: () => number
}

/** What files said of an API server when they were read. */
export interface ApiServerConfig {
  /** URL. */
  readonly server: string
  /** Namespace of the context or of this pod. */
  readonly namespace: string | undefined
  /** Requests must use the agent of `requestOptions`, which knows a proxy. */
  readonly proxied: boolean
  /** TLS material and headers as they are now. @throws Error when credentials cannot be had */
  requestOptions(): Promise<RequestOptions>
}

/** How to reach the API server right now. */
export interface Connection {
  readonly server: URL
  readonly headers: Readonly<Record<string, string>>
  /** `user:password` of a kubeconfig with basic authentication. */
  readonly auth: string | undefined
  readonly agent: Agent | PlainAgent
}

/** Tokens and certificates are looked at again after this long: bound tokens are rotated minutes before they end. */
const FRESH_MS = 10_000

/** Sockets in use at a time: every watch holds one, requests share the others. */
const MAX_SOCKETS = 64

/** Proxies and load balancers forget a silent connection; a watch must outlive that. */
const KEEP_ALIVE_MS = 30_000

/**
 * Finds the API server and its credentials and keeps them fresh. Proxies of the environment are never used, only a
 * `proxy-url` that the kubeconfig itself names.
 * @throws Error that says what was looked for
 */
export async function openAccess(options: AccessOptions = {}): Promise<Access> {
  const { serviceAccountDirectory: directory, context = '', clock = Date.now } = options
  const source = findSource(options)
  const load =
    source.files.length > 0
      ? await kubeconfigReader(source.files, context)
      : () => serviceAccount(directory || SERVICE_ACCOUNT)
  return new Access(load, source, clock)
}

/** The way to one API server. */
export class Access {
  #config: ApiServerConfig
  readonly #load: () => ApiServerConfig
  readonly #source: Source
  readonly #clock: () => number
  #loadedMs: number
  #current: Connection | undefined
  #looking: Promise<Connection> | undefined
  #madeMs = 0
  #agentKey = ''

  constructor(load: () => ApiServerConfig, source: Source, clock: () => number) {
    this.#config = load()
    this.#load = load
    this.#source = source
    this.#clock = clock
    this.#loadedMs = clock()
  }

  /** For messages: `https://10.0.0.1:443 (service account)`. */
  get description(): string {
    return `${this.#config.server} (${this.#source.name})`
  }

  /** Namespace of the context or of this pod; `default` when none is set. */
  get namespace(): string {
    return this.#config.namespace ?? 'default'
  }

  /** Server, credentials and connection pool as they are now. @throws Error when credentials cannot be had */
  async connection(): Promise<Connection> {
    if (this.#current !== undefined && this.#clock() - this.#madeMs < FRESH_MS) return this.#current
    // One look for all who ask at the same time: it may run a credential plugin.
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Reads everything anew before the next request: the server did not know the credentials. */
  renew(): void {
    this.#reload()
    this.#madeMs = 0
  }

  /** Ends all connections. */
  close(): void {
    this.#current?.agent.destroy()
    this.#current = undefined
  }

  async #look(): Promise<Connection> {
    if (this.#changedOnDisk()) this.#reload()
    this.#current = await this.#connect()
    this.#madeMs = this.#clock()
    return this.#current
  }

  async #connect(): Promise<Connection> {
    const options = await this.#config.requestOptions().catch((cause: Error) => {
      throw new Error(`credentials for ${this.description}: ${cause.message}`, { cause })
    })
    const server = new URL(this.#config.server)
    // A token file may end in a line feed, which no header may.
    const given = Object.entries((options.headers ?? {}) as Record<string, string>)
    const headers = Object.fromEntries(given.map(([name, value]) => [name, value.trim()]))
    return { server, headers, auth: options.auth ?? undefined, agent: this.#agent(server, options) }
  }

  /** One pool for as long as the TLS material stays the same; an older one ends by itself when its sockets are idle. */
  #agent(server: URL, options: RequestOptions): Agent | PlainAgent {
    if (this.#config.proxied) return options.agent as Agent
    const { ca, cert, key, servername, rejectUnauthorized } = options
    const agentKey = JSON.stringify([server.origin, ca, cert, key, servername, rejectUnauthorized].map(String))
    if (agentKey === this.#agentKey && this.#current !== undefined) return this.#current.agent
    this.#agentKey = agentKey
    const pool = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: MAX_SOCKETS, timeout: KEEP_ALIVE_MS }
    if (server.protocol === 'http:') return new PlainAgent(pool)
    return new Agent({
      ...pool,
      ca,
      cert,
      key,
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    })
  }

  #changedOnDisk(): boolean {
    return this.#source.files.some((file) => modifiedMs(file) > this.#loadedMs)
  }

  /** A file that is half written keeps the old configuration; the next look reads it again. */
  #reload(): void {
    try {
      this.#config = this.#load()
      this.#loadedMs = this.#clock()
    } catch {
      this.#madeMs = 0
    }
  }
}

interface Source {
  /** Name for people. */
  name: string
  /** Kubeconfig files; none for a service account. */
  files: readonly string[]
}

function findSource({ kubeconfig = '', inCluster = false, serviceAccountDirectory }: AccessOptions): Source {
  if (kubeconfig !== '') return { name: kubeconfig, files: [kubeconfig] }
  const listed = (process.env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  if (listed.length > 0 && !inCluster) return { name: listed.join(delimiter), files: listed }
  const directory = serviceAccountDirectory || SERVICE_ACCOUNT
  if (hasServiceAccount(directory)) return { name: directory, files: [] }
  const home = join(homedir(), '.kube/config')
  if (inCluster) throw new Error(`no service account in ${directory}: is this a pod of a Kubernetes cluster?`)
  if (existsSync(home)) return { name: home, files: [home] }
  throw new Error(
    `no Kubernetes cluster to talk to: looked for the kubeconfig setting, $KUBECONFIG, a service account in ${directory} and ${home}`,
  )
}

function modifiedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
