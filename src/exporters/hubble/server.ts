import { Server } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { hubbleReflection } from '../../hubble/reflection.ts'
import { type GrpcServerCredentials, grpcServerCredentials } from '../../pipeline/settings/grpc-server-credentials.ts'
import type { HubbleConfig } from './config.ts'
import { listen } from './listener.ts'
import { type ObserverContext, observerService } from './observer-service.ts'
import { peerService } from './peer-service.ts'

/** Clients ask for this name, not for the service's own. */
const HEALTH_SERVICE = 'hubble.server.Observer'

/** Finds clients that vanished without a word, so that their streams end. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 60_000, 'grpc.keepalive_timeout_ms': 20_000 }

/** The gRPC server of the Hubble API: observer, peer, health and reflection. */
export class HubbleServer {
  readonly #config: HubbleConfig
  readonly #context: ObserverContext
  readonly #failed: (error: Error) => void
  readonly #health = new HealthImplementation({ '': 'SERVING', [HEALTH_SERVICE]: 'SERVING' })
  #server: Server | undefined
  #credentials: GrpcServerCredentials | undefined

  /** @param failed told of faults after the start: unreadable certificates */
  constructor(config: HubbleConfig, context: ObserverContext, failed: (error: Error) => void) {
    this.#config = config
    this.#context = context
    this.#failed = failed
  }

  /** @returns the endpoint with its real port, `''` without TCP @throws Error that names the setting at fault */
  async start(): Promise<string> {
    this.#credentials = await grpcServerCredentials(this.#config.tls, this.#failed)
    const server = new Server({
      ...KEEPALIVE,
      // Of one connection, with room for short calls: a stream beyond the limit must arrive to be refused in words.
      'grpc.max_concurrent_streams': this.#config.max_concurrent_streams + 32,
      'grpc.max_receive_message_length': this.#config.max_recv_msg_size_mib * 1024 * 1024,
    })
    this.#server = server
    server.addService(...observerService(this.#context))
    server.addService(...peerService(this.#context.peers, this.#context.streams))
    this.#health.addToServer(server)
    hubbleReflection().addToServer(server)
    return await listen(server, this.#config, this.#credentials.credentials)
  }

  /** Lets the answers under way end until the deadline, then cuts them off. @param deadlineMs Unix milliseconds */
  async shutdown(deadlineMs: number): Promise<void> {
    this.#credentials?.close()
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    for (const name of ['', HEALTH_SERVICE]) this.#health.setStatus(name, 'NOT_SERVING')
    this.#context.streams.stop()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => server.forceShutdown(), Math.max(0, deadlineMs - Date.now()))
      server.tryShutdown(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
