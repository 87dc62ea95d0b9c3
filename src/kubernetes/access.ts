import { existsSync, readFileSync, statSync } from 'node:fs'
import { Agent as PlainAgent } from 'node:http'
import { Agent, type RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { parse } from 'yaml'

/** Where the way to the API server is written down. */
export interface AccessOptions {
  /** Kubeconfig file; `''` = `$KUBECONFIG`, else the pod's service account, else ~/.kube/config. */
  kubeconfig?: string
  /** Context of the kubeconfig; `''` = its current one. */
  context?: string
  /** Only the pod's service account counts. */
  inCluster?: boolean
}

/** How to reach the API server right now. */
export interface Connection {
  readonly server: URL
  readonly headers: Readonly<Record<string, string>>
  /** `user:password` of a kubeconfig with basic authentication. */
  readonly auth: string | undefined
  readonly agent: Agent | PlainAgent
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Tokens and certificates are looked at again after this long: bound tokens are rotated minutes before they end. */
const FRESH_MS = 10_000

/** Sockets in use at a time: every watch holds one, requests share the others. */
const MAX_SOCKETS = 64

/** Proxies and load balancers forget a silent connection; a watch must outlive that. */
const KEEP_ALIVE_MS = 30_000

/**
 * Finds the API server and its credentials and keeps them fresh. The library reads kubeconfigs, runs their exec plugins
 * and refreshes OIDC tokens; it is imported here only, and late, because it costs some 80 MB of resident memory.
 * Proxies of the environment are never used, only a `proxy-url` that the kubeconfig itself names.
 * @throws Error that says what was looked for
 */
export async function openAccess(options: AccessOptions = {}): Promise<Access> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const source = findSource(options)
  const load = () => loadConfig(new KubeConfig(), source, options.context ?? '')
  return new Access(load(), load, source)
}

/** The way to one API server. */
export class Access {
  #config: KubeConfig
  #load: () => KubeConfig
  #source: Source
  #loadedMs = Date.now()
  #current: Connection | undefined
  #looking: Promise<Connection> | undefined
  #madeMs = 0
  #agentKey = ''

  constructor(config: KubeConfig, load: () => KubeConfig, source: Source) {
    this.#config = config
    this.#load = load
    this.#source = source
  }

  /** For messages: `https://10.0.0.1:443 (service account)`. */
  get description(): string {
    return `${this.#config.getCurrentCluster()?.server} (${this.#source.name})`
  }

  /** Namespace of the context or of this pod; `default` when none is set. */
  get namespace(): string {
    return this.#config.getContextObject(this.#config.currentContext)?.namespace ?? 'default'
  }

  /** Server, credentials and connection pool as they are now. @throws Error when credentials cannot be had */
  async connection(): Promise<Connection> {
    if (this.#current !== undefined && Date.now() - this.#madeMs < FRESH_MS) return this.#current
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
    this.#madeMs = Date.now()
    return this.#current
  }

  async #connect(): Promise<Connection> {
    const options: RequestOptions = {}
    try {
      await this.#config.applyToHTTPSOptions(options)
    } catch (cause) {
      throw new Error(`credentials for ${this.description}: ${(cause as Error).message}`, { cause })
    }
    const server = new URL(this.#config.getCurrentCluster()?.server ?? '')
    // A token file may end in a line feed, which no header may.
    const given = Object.entries((options.headers ?? {}) as Record<string, string>)
    const headers = Object.fromEntries(given.map(([name, value]) => [name, value.trim()]))
    return { server, headers, auth: options.auth ?? undefined, agent: this.#agent(server, options) }
  }

  /** One pool for as long as the TLS material stays the same; an older one ends by itself when its sockets are idle. */
  #agent(server: URL, options: RequestOptions): Agent | PlainAgent {
    // The library's own agent is needed for its proxy alone.
    if (this.#config.getCurrentCluster()?.proxyUrl !== undefined) return options.agent as Agent
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
      this.#loadedMs = Date.now()
    } catch {
      this.#madeMs = 0
    }
  }
}

interface Source {
  /** Name for people. */
  name: string
  /** Kubeconfig files; none for a service account, whose token file is read again anyway. */
  files: readonly string[]
}

function findSource({ kubeconfig = '', inCluster = false }: AccessOptions): Source {
  if (kubeconfig !== '') return { name: kubeconfig, files: [kubeconfig] }
  const listed = (process.env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  if (listed.length > 0 && !inCluster) return { name: listed.join(delimiter), files: listed }
  const token = join(SERVICE_ACCOUNT, 'token')
  if (process.env.KUBERNETES_SERVICE_HOST !== undefined && existsSync(token))
    return { name: SERVICE_ACCOUNT, files: [] }
  const home = join(homedir(), '.kube/config')
  if (inCluster) throw new Error(`no service account in ${SERVICE_ACCOUNT}: is this a pod of a Kubernetes cluster?`)
  if (existsSync(home)) return { name: home, files: [home] }
  throw new Error(
    `no Kubernetes cluster to talk to: looked for the kubeconfig setting, $KUBECONFIG, a service account in ${SERVICE_ACCOUNT} and ${home}`,
  )
}

function loadConfig(config: KubeConfig, source: Source, context: string): KubeConfig {
  const [first, ...others] = source.files
  try {
    if (first === undefined) config.loadFromCluster()
    else loadFile(config, first)
    for (const file of others) {
      const more = new (config.constructor as new () => KubeConfig)()
      loadFile(more, file)
      config.mergeConfig(more, true)
    }
  } catch (cause) {
    throw new Error(`kubeconfig ${source.name}: ${(cause as Error).message}`, { cause })
  }
  if (context !== '') config.setCurrentContext(context)
  if (config.getCurrentCluster() === null)
    throw new Error(
      `kubeconfig ${source.name}: no context ${JSON.stringify(config.currentContext ?? '')} with a cluster`,
    )
  return config
}

/** The library does not know a user's `tokenFile`, which kubectl does; it reads such files for service accounts alone. */
function loadFile(config: KubeConfig, file: string): void {
  config.loadFromFile(file)
  const written = parse(readFileSync(file, 'utf8')) as { users?: { name: string; user?: { tokenFile?: string } }[] }
  for (const { name, user } of written.users ?? []) {
    if (user?.tokenFile === undefined) continue
    const tokenFile = resolve(dirname(file), user.tokenFile)
    config.users = config.users.map((known) =>
      known.name === name ? { ...known, authProvider: { name: 'tokenFile', config: { tokenFile } } } : known,
    )
  }
}

function modifiedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
