import { logVerbosity, Server, setLogVerbosity } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { addReflection } from '../../hubble/reflection.ts'
import { BasicAuth } from '../../pipeline/settings/basic-auth.ts'
import { ClientTable } from '../../pipeline/settings/client-table.ts'
import { GrpcConnections } from '../../pipeline/settings/grpc-connections.ts'
import { keepaliveOptions } from '../../pipeline/settings/grpc-server-keepalive.ts'
import type { ServerReports } from '../../pipeline/settings/server-reports.ts'
import { callGate } from './call-gate.ts'
import type { CallMetrics } from './call-metrics.ts'
import type { HubbleConfig } from './config.ts'
import { Listener } from './listener.ts'
import { type ObserverContext, observerService } from './observer-service.ts'
import { peerService } from './peer-service.ts'
import { requestSlots } from './request-slots.ts'

/** Clients ask for this name, not for the service's own. */
const HEALTH_SERVICE = 'hubble.server.Observer'

/** What the server tells of itself. */
export interface HubbleServerReports extends ServerReports {
  refusedStream(cause: 'limit' | 'client_limit'): void
  readonly calls: CallMetrics
}

/** The gRPC server of the Hubble API: observer, peer, health and reflection. */
export class HubbleServer {
  readonly #config: HubbleConfig
  readonly #context: ObserverContext
  readonly #reports: HubbleServerReports
  readonly #clients: ClientTable
  readonly #health = new HealthImplementation({ '': 'SERVING', [HEALTH_SERVICE]: 'SERVING' })
  #server: Server | undefined
  #auth: BasicAuth | undefined
  #connections: GrpcConnections | undefined
  #listener: Listener | undefined

  constructor(config: HubbleConfig, context: ObserverContext, reports: HubbleServerReports) {
    const { max_connections, per_client } = config
    this.#config = config
    this.#context = context
    this.#reports = reports
    this.#clients = new ClientTable({
      maxConnections: max_connections,
      maxConnectionsPerClient: per_client.max_connections,
      requestsPerSecond: per_client.requests_per_second,
      requestBurst: per_client.request_burst,
    })
  }

  /** Connections open now. */
  get connections(): number {
    return this.#clients.connections
  }

  /** @returns the endpoint with its real port, `''` without TCP @throws Error that names the setting at fault */
  async start(): Promise<string> {
    // gRPC prints what it also answers; whoever debugs it sets its own variable.
    if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE)
    const { tls, auth } = this.#config
    this.#auth = await BasicAuth.start(auth.basic, tls.reload_interval, this.#reports)
    const server = this.#createServer()
    this.#server = server
    const settings = { tls, clients: this.#clients, reports: this.#reports }
    this.#connections = await GrpcConnections.create(server, settings)
    this.#listener = new Listener(this.#connections)
    return await this.#listener.start(this.#config)
  }

  /** Lets the answers under way end until the deadline, then cuts them off. @param deadlineMs Unix milliseconds */
  async shutdown(deadlineMs: number): Promise<void> {
    this.#listener?.close()
    this.#connections?.close()
    this.#auth?.close()
    this.#reports.close()
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    for (const name of ['', HEALTH_SERVICE]) this.#health.setStatus(name, 'NOT_SERVING')
    this.#context.streams.stop()
    // Its callback does not wait for connections that were handed in.
    server.tryShutdown(() => {})
    await this.#connections?.ended(deadlineMs)
    server.forceShutdown()
  }

  #createServer(): Server {
    const { max_concurrent_streams, per_client, max_recv_msg_size_mib, keepalive } = this.#config
    const { streams } = this.#context
    const reports = this.#reports
    const gate = callGate({
      clients: this.#clients,
      streams,
      auth: this.#auth,
      reports,
      calls: reports.calls,
      slots: requestSlots(max_recv_msg_size_mib),
      refusedStream: (cause) => reports.refusedStream(cause),
    })
    const server = new Server({
      ...keepaliveOptions(keepalive),
      // Of one connection, with room for short calls: a stream beyond the limit must arrive to be refused in words.
      'grpc.max_concurrent_streams': Math.min(max_concurrent_streams, per_client.max_concurrent_streams) + 32,
      'grpc.max_receive_message_length': max_recv_msg_size_mib * 1024 * 1024,
      interceptors: [gate],
    })
    server.addService(...observerService(this.#context))
    server.addService(...peerService(this.#context.peers, streams))
    this.#health.addToServer(server)
    addReflection(server)
    return server
  }
}
