import { setTimeout as sleep } from 'node:timers/promises'
import type { ChannelCredentials, ClientReadableStream } from '@grpc/grpc-js'
import { serviceMethods } from '../../hubble/definition.ts'
import { Backoff } from '../../pipeline/backoff.ts'
import { Channel, type Target } from './channel.ts'
import type { HubbleReceiverConfig } from './config.ts'
import { MOST_CHARACTERS } from './node-messages.ts'
import { readStream } from './read-stream.ts'

/** A node that the peer service told of. */
export interface KnownPeer {
  /** `[cluster/]node` */
  name: string
  target: Target
}

export interface PeerListener {
  /** A new node, or one whose address or certificate name changed. */
  upserted(peer: KnownPeer): void
  deleted(name: string): void
  /** What was told is too long to be a node. */
  unusable(): void
  connected(): void
  /** @param first since it worked the last time */
  broken(error: Error, first: boolean): void
}

/** `peer.ChangeNotification`; what is empty is not there. */
interface Notification {
  name?: string
  address?: string
  type?: number
  tls?: { server_name?: string } | null
}

/** `peer.ChangeNotificationType` */
const DELETED = 2

/** A peer service tells of all nodes at once when it is asked; what it does not name within this time is no more. */
const SETTLED_MS = 30_000

/** Watches the nodes of a cluster through `Peer.Notify`. While the service is away the nodes known stay. */
export class PeerWatch {
  readonly #config: HubbleReceiverConfig
  readonly #listener: PeerListener
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  /** By name: what was told of a node last. */
  readonly #known = new Map<string, KnownPeer>()
  /** Those of them that the service named since it was asked last. */
  #told = new Set<string>()
  /** Whether it has named any since then. */
  #answered = false
  #call: ClientReadableStream<Notification> | undefined
  #running: Promise<void> | undefined
  #failures = 0

  constructor(config: HubbleReceiverConfig, listener: PeerListener) {
    this.#config = config
    this.#listener = listener
    this.#backoff = new Backoff(config.retry.initial_interval, config.retry.max_interval)
  }

  start(credentials: ChannelCredentials): void {
    this.#running = this.#run(credentials)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#call?.cancel()
    await this.#running
  }

  async #run(credentials: ChannelCredentials): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const error = await this.#follow(credentials)
      if (this.#stop.signal.aborted) return
      this.#listener.broken(error, this.#failures++ === 0)
      await sleep(this.#backoff.next(), undefined, { signal: this.#stop.signal }).catch(() => {})
    }
  }

  async #follow(credentials: ChannelCredentials): Promise<Error> {
    const channel = new Channel({ address: this.#config.endpoint, serverName: '' }, this.#config, credentials)
    this.#told = new Set()
    this.#answered = false
    const settled = setTimeout(() => this.#settle(), SETTLED_MS)
    const error = await this.#read(channel)
    clearTimeout(settled)
    channel.close()
    return error
  }

  #read(channel: Channel): Promise<Error> {
    const { path, requestSerialize, responseDeserialize } = serviceMethods('peer.Peer').Notify!
    const request = channel.client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      {},
      channel.metadata,
    )
    const call = request as ClientReadableStream<object> as ClientReadableStream<Notification>
    this.#call = call
    return readStream(call, (notification) => this.#notified(notification), 'the peer service ended the stream')
  }

  #notified({ name = '', address = '', type = 0, tls }: Notification): void {
    if (!this.#answered) {
      this.#answered = true
      this.#failures = 0
      this.#backoff.reset()
      this.#listener.connected()
    }
    if (type === DELETED) {
      this.#delete(name)
      return
    }
    if (name.length > MOST_CHARACTERS || address.length > MOST_CHARACTERS) {
      this.#listener.unusable()
      return
    }
    const peer = { name, target: { address, serverName: tls?.server_name ?? '' } }
    const known = this.#known.get(name)?.target
    if (known !== undefined) this.#told.add(name)
    if (known?.address === address && known.serverName === peer.target.serverName) return
    // Those that are followed, and as many that wait for a place; it is told of the others again, and refuses them again.
    if (known !== undefined || this.#known.size < 2 * this.#config.max_peers) {
      this.#known.set(name, peer)
      this.#told.add(name)
    }
    this.#listener.upserted(peer)
  }

  #settle(): void {
    if (!this.#answered) return
    for (const name of [...this.#known.keys()]) if (!this.#told.has(name)) this.#delete(name)
  }

  #delete(name: string): void {
    this.#told.delete(name)
    if (this.#known.delete(name)) this.#listener.deleted(name)
  }
}
