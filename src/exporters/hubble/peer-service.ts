import {
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { serviceMethods } from '../../hubble/definition.ts'
import type { PeerNotification, Peers } from './peers.ts'
import type { RunningStream, StreamLimit } from './stream-limit.ts'

type NotifyCall = ServerWritableStream<object, object>

/** `peer.Peer`: the nodes of the cluster, and their changes. */
export function peerService(peers: Peers, streams: StreamLimit): [ServiceDefinition, UntypedServiceImplementation] {
  const notify = (call: NotifyCall) => streams.run(call, new Notifications(call, peers))
  return [serviceMethods('peer.Peer') as ServiceDefinition, { Notify: notify }]
}

/** Tells of every node, then of changes; the stream stays open, as hubble-relay expects. */
class Notifications implements RunningStream {
  readonly #call: NotifyCall
  readonly #peers: Peers
  /** What a slow reader has not been told, by name: the last change of each node is enough. */
  readonly #pending = new Map<string, PeerNotification>()
  #writable = true

  constructor(call: NotifyCall, peers: Peers) {
    this.#call = call
    this.#peers = peers
  }

  async run(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#call.once('cancelled', () => resolve())
      this.#call.once('close', () => resolve())
    })
    this.#call.on('drain', () => {
      this.#writable = true
      this.#flush()
    })
    for (const notification of this.#peers.initial()) this.#pending.set(notification.name, notification)
    const unlisten = this.#peers.listen((change) => {
      this.#pending.set(change.name, change)
      this.#flush()
    })
    this.#flush()
    await closed
    unlisten()
  }

  stop(): void {
    this.#call.emit('error', { code: status.UNAVAILABLE, details: 'the agent is shutting down' })
  }

  #flush(): void {
    for (const [key, { name, address, type, tlsServerName }] of this.#pending) {
      if (!this.#writable) return
      this.#pending.delete(key)
      const tls = tlsServerName === undefined ? undefined : { server_name: tlsServerName }
      this.#writable = this.#call.write({ name, address, type, tls })
    }
  }
}
