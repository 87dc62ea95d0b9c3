/** How much clients may ask of a server. A client is an IPv4 address, or an IPv6 network of 64 bits. */
export interface ClientLimits {
  /** Connections of all clients. */
  maxConnections: number
  /** Connections of one client. */
  maxConnectionsPerClient: number
  /** On the long run, of one client, its new connections among them; 0 = any number. */
  requestsPerSecond: number
  /** As many of one client at once, after a pause. */
  requestBurst: number
}

/** Every client of a unix socket: they cannot be told apart, and no limit per client holds for them. */
export const LOCAL_CLIENT = 'unix socket'

/** Clients without a connection that are remembered, so that coming back does not fill their bucket. */
const MOST_IDLE = 4_096

interface Client {
  connections: number
  /** Requests and connections it may make now. */
  tokens: number
  /** When that was true, milliseconds of the clock. */
  atMs: number
}

/** Who is connected, and how much more each may ask. Bounded: by the limit of connections, and in those that left. */
export class ClientTable {
  readonly #limits: ClientLimits
  readonly #clock: () => number
  readonly #connected = new Map<string, Client>()
  /** In the order in which they left. */
  readonly #idle = new Map<string, Client>()
  #connections = 0

  /** @param clock milliseconds that never go back */
  constructor(limits: ClientLimits, clock: () => number = () => performance.now()) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Connections open now. */
  get connections(): number {
    return this.#connections
  }

  /** Counts a connection in, unless it is one too many; then it says which limit is reached. */
  connect(name: string): 'limit' | 'client_limit' | 'rate' | undefined {
    if (this.#connections >= this.#limits.maxConnections) return 'limit'
    const client = this.#connected.get(name) ?? this.#idle.get(name) ?? this.#fresh()
    const most = name === LOCAL_CLIENT ? Infinity : this.#limits.maxConnectionsPerClient
    if (client.connections >= most) return 'client_limit'
    // A handshake costs more than most requests.
    if (!this.#take(name, client)) return 'rate'
    this.#idle.delete(name)
    this.#connected.set(name, client)
    client.connections++
    this.#connections++
    return undefined
  }

  /** Counts a connection out. */
  disconnect(name: string): void {
    const client = this.#connected.get(name)
    if (client === undefined) return
    this.#connections--
    if (--client.connections > 0) return
    this.#connected.delete(name)
    this.#idle.set(name, client)
    if (this.#idle.size <= MOST_IDLE) return
    for (const oldest of this.#idle.keys()) return void this.#idle.delete(oldest)
  }

  /** Whether a connected client may make a request now; counts it. */
  request(name: string): boolean {
    const client = this.#connected.get(name)
    return client === undefined || this.#take(name, client)
  }

  #take(name: string, client: Client): boolean {
    const { requestsPerSecond, requestBurst } = this.#limits
    if (requestsPerSecond === 0 || name === LOCAL_CLIENT) return true
    const nowMs = this.#clock()
    client.tokens = Math.min(requestBurst, client.tokens + ((nowMs - client.atMs) / 1_000) * requestsPerSecond)
    client.atMs = nowMs
    if (client.tokens < 1) return false
    client.tokens--
    return true
  }

  #fresh(): Client {
    return { connections: 0, tokens: this.#limits.requestBurst, atMs: this.#clock() }
  }
}

/** Name of the client at an address, as node:net gives it; undefined = a unix socket. */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return LOCAL_CLIENT
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  return address.includes(':') ? network64(address) : address
}

/** A machine has all of a /64: its other addresses are no further clients. Loopback and link-local ones stay apart. */
function network64(address: string): string {
  const [bare = ''] = address.split('%')
  if (bare === '::1') return bare
  const [head = '', tail] = bare.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups =
    tail === undefined ? before : [...before, ...Array(8 - before.length - after.length).fill('0'), ...after]
  if (/^fe[89ab]/i.test(groups[0] ?? '')) return bare
  return `${groups.slice(0, 4).join(':')}::/64`
}
