import type { Agent } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { FileReload, type ReloadEvents } from '../../pipeline/settings/file-reload.ts'
import { loadTlsClient } from '../../pipeline/settings/tls-client.ts'
import type { OtlpHttpConfig } from './config.ts'

// As in `http-server.ts`: an `import` would load undici.
const http = process.getBuiltinModule('node:http')
const https = process.getBuiltinModule('node:https')

/** A connection that nobody uses is closed after this long, as the Collector's. */
const IDLE_MS = 90_000

type ConnectionConfig = Pick<OtlpHttpConfig, 'tls' | 'proxy_url' | 'sending_queue'>

/** Connections of one exporter, kept open between requests; new files of TLS are for new connections. */
export class HttpConnections {
  readonly #intervalMs: number
  #agent: Agent
  #look: (() => Promise<void>) | undefined
  #lookedMs = performance.now()

  private constructor(agent: Agent, intervalMs: number) {
    this.#agent = agent
    this.#intervalMs = intervalMs
  }

  /** @param protocol of the URL: `http:` or `https:` @throws Error that names the file at fault */
  static async open(protocol: string, config: ConnectionConfig, events: ReloadEvents): Promise<HttpConnections> {
    const shared = agentOptions(config)
    // node:http's agent lacks nothing that requests use.
    if (protocol === 'http:') return new HttpConnections(new http.Agent(shared) as Agent, 0)
    const load = async () => (await loadTlsClient({ ...config.tls, insecure: false }))!
    const secure = (files: SecureContextOptions) => new https.Agent({ ...shared, ...files, ...verification(config) })
    const first = await load()
    const connections = new HttpConnections(secure(first.content), config.tls.reload_interval)
    const apply = (files: SecureContextOptions) => {
      // What is under way ends on the connections it has; idle ones end by themselves.
      connections.#agent = secure(files)
    }
    const reload = new FileReload('tls', first, { load, apply, events })
    connections.#look = () => reload.look()
    return connections
  }

  /** The agent for a request that is about to be made. */
  async agent(): Promise<Agent> {
    if (this.#look !== undefined && this.#intervalMs > 0 && performance.now() - this.#lookedMs >= this.#intervalMs) {
      this.#lookedMs = performance.now()
      await this.#look()
    }
    return this.#agent
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy()
  }
}

function agentOptions({ proxy_url: proxy, sending_queue }: ConnectionConfig) {
  return {
    keepAlive: true,
    maxSockets: sending_queue.num_consumers,
    timeout: IDLE_MS,
    proxyEnv: proxy === '' ? process.env : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy },
  }
}

function verification({ tls }: ConnectionConfig) {
  return {
    ...(tls.server_name_override === '' ? {} : { servername: tls.server_name_override }),
    ...(tls.insecure_skip_verify ? { rejectUnauthorized: false, checkServerIdentity: () => undefined } : {}),
  }
}
