import { type ChannelCredentials, Client, type ClientOptions, credentials, Metadata } from '@grpc/grpc-js'
import { grpcServerName } from '../../pipeline/settings/tls-client.ts'
import type { HubbleReceiverConfig } from './config.ts'

/** Where an observer, or a peer service, is reached. */
export interface Target {
  /** As in the setting `endpoint`, or as `Peer.Notify` tells it. */
  address: string
  /** Name its certificate must have; `''` = the host of the address. */
  serverName: string
}

/** A connection to one server. A new attempt takes a new one. */
export class Channel {
  readonly client: Client
  /** The configured headers. */
  readonly metadata = new Metadata()

  /** Begins to connect. @param secrets of servers beyond this machine */
  constructor(target: Target, config: HubbleReceiverConfig, secrets: ChannelCredentials) {
    const channel = isPlain(target.address) ? credentials.createInsecure() : secrets
    this.client = new Client(grpcTarget(target.address), channel, options(target, config))
    for (const [name, value] of Object.entries(config.headers)) this.metadata.set(name, value)
  }

  /** Calls `ready` once connected; whether it fails is told by the calls. */
  whenReady(ready: () => void): void {
    // No deadline: its timer would outlive a channel that is closed.
    this.client.waitForReady(Number.POSITIVE_INFINITY, (error) => {
      if (!error) ready()
    })
  }

  close(): void {
    this.client.close()
  }
}

/** Sockets of this machine carry plain text, and `http://` switches TLS off as in the Collector. */
function isPlain(address: string): boolean {
  return address.startsWith('unix:') || address.startsWith('http://')
}

function grpcTarget(address: string): string {
  if (address.startsWith('unix:')) return address.replace(/^unix:(\/\/)?/, 'unix:')
  return address.replace(/^(https?:\/\/)/, '').replace(/\/$/, '')
}

function options({ serverName }: Target, config: HubbleReceiverConfig): ClientOptions {
  const { time, timeout, permit_without_stream } = config.keepalive
  return {
    // One connection for each observer, gone with its client.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': config.max_recv_msg_size_mib * 1024 * 1024,
    ...(time > 0 ? { 'grpc.keepalive_time_ms': time, 'grpc.keepalive_timeout_ms': timeout } : {}),
    'grpc.keepalive_permit_without_calls': permit_without_stream ? 1 : 0,
    ...grpcServerName({ ...config.tls, server_name_override: serverName || config.tls.server_name_override }),
  }
}
