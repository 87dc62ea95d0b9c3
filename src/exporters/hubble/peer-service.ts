import {
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { serviceMethods } from '../../hubble/definition.ts'
import type { NodeStatus } from './node-status.ts'
import type { RunningStream, StreamLimit } from './stream-limit.ts'

type NotifyCall = ServerWritableStream<object, object>

const PEER_ADDED = 1

/** `peer.Peer`: this node is the only one it knows. */
export function peerService(
  self: () => NodeStatus,
  streams: StreamLimit,
): [ServiceDefinition, UntypedServiceImplementation] {
  const notify = (call: NotifyCall) => streams.run(call, new Notifications(call, self()))
  return [serviceMethods('peer.Peer') as ServiceDefinition, { Notify: notify }]
}

/** Tells of this node once; the stream then stays open, as hubble-relay expects. */
class Notifications implements RunningStream {
  readonly #call: NotifyCall
  readonly #self: NodeStatus

  constructor(call: NotifyCall, self: NodeStatus) {
    this.#call = call
    this.#self = self
  }

  async run(): Promise<void> {
    const { name, address, tlsServerName } = this.#self
    const tls = tlsServerName === undefined ? undefined : { server_name: tlsServerName }
    const closed = new Promise<void>((resolve) => {
      this.#call.once('cancelled', () => resolve())
      this.#call.once('close', () => resolve())
    })
    this.#call.write({ name, address, type: PEER_ADDED, tls })
    await closed
  }

  stop(): void {
    this.#call.emit('error', { code: status.UNAVAILABLE, details: 'the agent is shutting down' })
  }
}
