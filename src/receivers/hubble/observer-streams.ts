import type { ChannelCredentials } from '@grpc/grpc-js'
import { NodeState, type ObservedNodes } from '../../flow/observed-nodes.ts'
import type { CreateContext } from '../../pipeline/component.ts'
import { isPlainText } from '../../pipeline/settings/tls-client.ts'
import type { HubbleReceiverConfig } from './config.ts'
import { requestFilters } from './flows-request.ts'
import type { HubbleReceiverMetrics } from './metrics.ts'
import { ObserverStream } from './observer-stream.ts'
import { type KnownPeer, PeerWatch } from './peer-watch.ts'
import type { TimeOrder } from './time-order.ts'

/** What the streams of a receiver share. */
export interface StreamsSettings {
  metrics: HubbleReceiverMetrics
  nodes: ObservedNodes
  message(stream: ObserverStream, bytes: Uint8Array): void
}

/** The observers a receiver follows: the configured one, or every node that it tells of. */
export class ObserverStreams {
  readonly #context: CreateContext
  readonly #config: HubbleReceiverConfig
  readonly #settings: StreamsSettings
  readonly #filters: ReturnType<typeof requestFilters>
  readonly #streams = new Map<string, ObserverStream>()
  readonly #watch: PeerWatch | undefined
  #credentials: ChannelCredentials | undefined
  /** Nodes that were refused and told so, by name: a place may become free. */
  readonly #refused = new Map<string, KnownPeer>()
  #paused = false

  constructor(context: CreateContext, config: HubbleReceiverConfig, settings: StreamsSettings) {
    this.#context = context
    this.#config = config
    this.#settings = settings
    this.#filters = requestFilters(config)
    if (config.peers) this.#watch = this.#peerWatch()
  }

  /** Observers that are followed. */
  get size(): number {
    return this.#streams.size
  }

  get connected(): number {
    let connected = 0
    for (const stream of this.#streams.values()) if (stream.isConnected) connected++
    return connected
  }

  /** @param credentials of every connection */
  start(credentials: ChannelCredentials): void {
    this.#credentials = credentials
    const { endpoint } = this.#config
    if (this.#watch === undefined) this.#follow({ name: endpoint, target: { address: endpoint, serverName: '' } })
    else this.#watch.start(credentials)
  }

  async stop(): Promise<void> {
    await this.#watch?.stop()
    const streams = [...this.#streams]
    this.#streams.clear()
    await Promise.all(streams.map(([, stream]) => stream.stop()))
    for (const [name] of streams) this.#settings.nodes.delete(name)
  }

  /** No observer is read until `resume`. */
  pause(): void {
    this.#paused = true
    for (const stream of this.#streams.values()) stream.pause()
  }

  resume(): void {
    this.#paused = false
    for (const stream of this.#streams.values()) stream.resume()
  }

  /** Lets flows go that every observer has passed. One that is silent for `max_delay` is not waited for. */
  advance(order: TimeOrder): void {
    if (order.size === 0) return
    const waitedForSince = Date.now() - this.#config.merge.max_delay
    let [seconds, nanos] = [0xffffffff, 0]
    for (const stream of this.#streams.values()) {
      if (Math.max(stream.lastArrivalMs, stream.attemptMs) < waitedForSince) continue
      const { last } = stream
      if (last.seconds > seconds || (last.seconds === seconds && last.nanos > nanos)) continue
      seconds = last.seconds
      nanos = last.nanos
    }
    order.advance(seconds, nanos)
  }

  #follow({ name, target }: KnownPeer): void {
    const stream = new ObserverStream({
      name,
      target,
      config: this.#config,
      filters: this.#filters,
      listener: {
        message: this.#settings.message,
        connected: () => this.#connected(stream),
        broken: (_, error, first) => this.#broken(stream, error, first),
      },
    })
    this.#streams.set(name, stream)
    this.#show(stream, NodeState.UNKNOWN)
    if (this.#paused) stream.pause()
    if (this.#credentials !== undefined) stream.start(this.#credentials)
  }

  #connected(stream: ObserverStream): void {
    this.#show(stream, NodeState.CONNECTED)
    this.#context.log.info(`follows the flows of ${stream.settings.name}`)
    this.#context.report({ at: 'ok' })
  }

  #broken(stream: ObserverStream, error: Error, first: boolean): void {
    this.#settings.metrics.broken.add(1)
    this.#show(stream, NodeState.UNAVAILABLE)
    const { target } = stream
    const { name } = stream.settings
    const where = name === target.address ? name : `${name} (${target.address})`
    if (first) this.#context.log.warn({ err: error.message }, `no flows of ${where}: will try again`)
    if (this.connected === 0) this.#context.report({ at: 'recoverable_error', error: describe(where, error) })
  }

  /** The endpoint itself may be a relay, which tells of its nodes; peers are nodes. */
  #show({ settings: { name }, target }: ObserverStream, state: number): void {
    if (this.#watch === undefined || !this.#streams.has(name)) return
    const tlsServerName = target.serverName === '' ? undefined : target.serverName
    this.#settings.nodes.set({ name, address: target.address, tlsServerName, state })
  }

  #peerWatch(): PeerWatch {
    const { endpoint } = this.#config
    const { log } = this.#context
    return new PeerWatch(this.#config, {
      upserted: (peer) => this.#upsert(peer),
      deleted: (name) => this.#delete(name),
      unusable: () => this.#settings.metrics.refusedPeers.add(1),
      connected: () => log.info(`${endpoint} tells of the nodes to follow`),
      broken: (error, first) => {
        if (first) log.warn({ err: error.message }, `no news of nodes from ${endpoint}: will ask again`)
        if (this.connected === 0) this.#context.report({ at: 'recoverable_error', error: describe(endpoint, error) })
      },
    })
  }

  #upsert(peer: KnownPeer): void {
    const refusal = this.#refusal(peer)
    if (refusal !== undefined) {
      this.#settings.metrics.refusedPeers.add(1)
      this.#refuse(peer, refusal)
      return
    }
    this.#refused.delete(peer.name)
    const known = this.#streams.get(peer.name)
    if (known === undefined) {
      this.#follow(peer)
      return
    }
    this.#context.log.info(`${peer.name} is at ${peer.target.address} now`)
    known.move(peer.target)
    this.#show(known, NodeState.UNKNOWN)
  }

  #refuse(peer: KnownPeer, refusal: string): void {
    const { name, target } = peer
    const isKnown = this.#refused.has(name)
    if (!isKnown && this.#refused.size >= this.#config.max_peers) return
    this.#refused.set(name, peer)
    if (!isKnown) this.#context.log.error(`${name} (${target.address}) is not followed: ${refusal}`)
  }

  #refusal({ name, target }: KnownPeer): string | undefined {
    if (target.address === '') return 'no address is known of it'
    if (!this.#streams.has(name) && this.#streams.size >= this.#config.max_peers)
      return `max_peers (${this.#config.max_peers}) are followed`
    // In a setting `http://` switches TLS off; whoever tells of nodes may not.
    if (target.address.startsWith('http://')) return 'an address of a node has no http://'
    const plain = isPlainText(this.#config.tls)
    if (plain && target.serverName !== '')
      return 'it serves TLS: set tls::ca_file to the authority of its certificate, and tls::insecure to false'
    if (!plain && !target.address.startsWith('unix:') && !target.serverName && !this.#config.tls.server_name_override)
      return 'it serves no TLS: tls::insecure must be true to read it'
    return undefined
  }

  #delete(name: string): void {
    this.#refused.delete(name)
    if (!this.#drop(name)) return
    this.#context.log.info(`${name} is gone`)
    const next = [...this.#refused.values()].find((peer) => this.#refusal(peer) === undefined)
    if (next !== undefined) this.#upsert(next)
  }

  #drop(name: string): boolean {
    const stream = this.#streams.get(name)
    if (stream === undefined) return false
    this.#streams.delete(name)
    this.#settings.nodes.delete(name)
    void stream.stop()
    return true
  }
}

function describe(where: string, cause: Error): Error {
  return new Error(`no flows of ${where}: ${cause.message}`, { cause })
}
