import { randomUUID } from 'node:crypto'
import type { FlowBatch } from '../../flow/batch.ts'
import { EndpointTable } from '../../flow/endpoint.ts'
import { Ends } from '../../flow/ends.ts'
import { HubbleEncoder } from '../../flow/hubble-encode.ts'
import { uuidPrefix } from '../../flow/hubble-uuid.ts'
import { lostEncoder } from '../../hubble/lost-encoder.ts'
import { fullNodeName, tlsServerName } from '../../hubble/node-name.ts'
import type { Component, CreateContext, EndpointView, FlowConsumer } from '../../pipeline/component.ts'
import { parseEndpoint, reachableEndpoint } from '../../pipeline/endpoint.ts'
import { VERSION } from '../../pipeline/version.ts'
import { advertisedAddress } from './advertise.ts'
import type { HubbleConfig } from './config.ts'
import { FlowRate } from './flow-rate.ts'
import { FlowRing } from './flow-ring.ts'
import type { History } from './history/history.ts'
import { historyGauges, historyOf } from './history/open-history.ts'
import { SeenNamespaces } from './namespaces.ts'
import type { NodeStatus } from './node-status.ts'
import type { ObserverContext } from './observer-service.ts'
import { Peers } from './peers.ts'
import { recallNamespaces } from './recall-namespaces.ts'
import { HubbleServer } from './server.ts'
import { hubbleReports, warnOfPlainText } from './server-reports.ts'
import { StreamLimit } from './stream-limit.ts'

/** Keeps the flows of the last while and serves them, and those to come, to Hubble's clients. */
export class HubbleExporter implements Component, FlowConsumer {
  readonly mutates = false
  readonly #context: CreateContext
  readonly #config: HubbleConfig
  readonly #ring: FlowRing
  readonly #rate = new FlowRate()
  readonly #history: History | undefined
  readonly #ends: Ends
  readonly #namespaces: SeenNamespaces
  readonly #streams: StreamLimit
  readonly #server: HubbleServer
  readonly #startedNs = process.hrtime.bigint()
  /** `[cluster/]node`, as flows carry it. */
  readonly #nodeName: string
  #unregister: (() => void)[] = []
  #seenFlows = 0
  #isStopped = false
  #bound = ''

  constructor(context: CreateContext, config: HubbleConfig) {
    this.#context = context
    this.#config = config
    this.#nodeName = fullNodeName(context.nodeName, config.cluster_name)
    this.#ring = new FlowRing({ maxFlows: config.max_flows, maxBytes: config.max_bytes })
    this.#ends = new Ends(context.endpoints ?? new EndpointTable())
    this.#history = historyOf(config.history, context, this.#ends.table)
    this.#namespaces = new SeenNamespaces(this.#ends.table)
    const { max_concurrent_streams: most, per_client } = config
    this.#streams = new StreamLimit({ most, mostPerClient: per_client.max_concurrent_streams }, context.log)
    this.#server = new HubbleServer(config, this.#observerContext(), hubbleReports(context))
  }

  /** Endpoint with its real port once started; `''` without TCP. */
  get endpoint(): string {
    return this.#bound
  }

  async start(): Promise<void> {
    await this.#history?.open()
    if (this.#history !== undefined) this.#continue(this.#history)
    this.#bound = await this.#server.start()
    this.#registerGauges()
    const where = [this.#bound, this.#config.unix_socket.path].filter((place) => place !== '')
    this.#context.log.info(`Hubble API on ${where.join(' and ')}`)
    warnOfPlainText(this.#config, this.#context.log)
  }

  #continue(history: History): void {
    this.#ring.continue(history)
    const stopped = () => this.#isStopped
    recallNamespaces(this.#ring, this.#namespaces, stopped).catch((error: Error) =>
      this.#context.log.warn({ err: error }, 'Namespaces of stored flows are not known'),
    )
  }

  endpoints(): EndpointView[] {
    const socket = this.#config.unix_socket.path
    const tcp = this.#bound === '' ? [] : [reachableEndpoint(parseEndpoint(this.#bound))]
    return [...tcp, ...(socket === '' ? [] : [`unix://${socket}`])].map((url) => ({
      name: 'Hubble API',
      url,
      hint: `hubble observe --server ${url} --follow`,
    }))
  }

  consume(batch: FlowBatch): void {
    this.#seenFlows += batch.length
    this.#rate.add(batch.length)
    this.#namespaces.add(batch)
    this.#ring.push(batch)
  }

  async shutdown(deadlineMs: number): Promise<void> {
    this.#isStopped = true
    for (const unregister of this.#unregister.splice(0)) unregister()
    await this.#server.shutdown(deadlineMs)
    this.#namespaces.close()
    await this.#history?.close()
    this.#ring.clear()
  }

  #observerContext(): ObserverContext {
    const { telemetry, id } = this.#context
    const nodeName = this.#nodeName
    const prefix = this.#history?.uuidPrefix ?? uuidPrefix(randomUUID())
    const emitter = { name: 'Fovea', version: VERSION }
    const labels = { exporter: id }
    const sent = telemetry.counter('otelcol_exporter_hubble_sent_flows', 'Flows sent to clients.', labels)
    const lost = telemetry.counter(
      'otelcol_exporter_hubble_lost_events',
      'Events the ring forgot before a client had read them.',
      labels,
    )
    const encoder = new HubbleEncoder({ nodeName, emitter, ends: this.#ends, uuidPrefix: prefix })
    return {
      ring: this.#ring,
      encoder,
      encodeLost: lostEncoder(nodeName),
      lossIntervalMs: this.#config.lost_event_send_interval,
      sent: (flows) => sent.add(flows),
      lost: (events) => lost.add(events),
      filters: { ends: this.#ends, nodeName, uuidPrefix: prefix, encoder },
      agentEvents: this.#ends.table.cluster.events,
      nodeName,
      streams: this.#streams,
      version: VERSION,
      status: () => this.#status(),
      namespaces: () => this.#namespaces.list(),
      peers: this.#peers(),
    }
  }

  #peers(): Peers {
    const { cluster_name, tls } = this.#config
    return new Peers({
      view: this.#ends.table.cluster,
      self: () => this.#status(),
      ownNode: this.#context.nodeName,
      fullName: (node) => fullNodeName(node, cluster_name),
      port: () => (this.#bound === '' ? 0 : parseEndpoint(this.#bound).port),
      tlsServerName: (node) => (tls.enabled ? tlsServerName(node, cluster_name) : undefined),
    })
  }

  #status(): NodeStatus {
    const { nodeName } = this.#context
    const { cluster_name, tls } = this.#config
    return {
      name: this.#nodeName,
      address: advertisedAddress(this.#config, this.#bound, this.#ends.table.cluster.peer(nodeName)?.address),
      tlsServerName: tls.enabled ? tlsServerName(nodeName, cluster_name) : undefined,
      version: VERSION,
      uptimeNs: Number(process.hrtime.bigint() - this.#startedNs),
      flows: this.#ring.events,
      maxFlows: this.#ring.capacity,
      seenFlows: this.#seenFlows,
      flowsRate: this.#rate.perSecond(),
    }
  }

  #registerGauges(): void {
    const { telemetry, id } = this.#context
    const { events } = this.#ends.table.cluster
    const gauge = (name: string, help: string, read: () => number) =>
      telemetry.gauge(`otelcol_exporter_hubble_${name}`, help, { exporter: id }, read)
    this.#unregister = [
      ...(this.#history === undefined ? [] : historyGauges(this.#history, this.#context)),
      gauge('kept_flows', 'Events in memory that clients can ask for.', () => this.#ring.next - this.#ring.first),
      gauge('kept_bytes', 'Memory they hold.', () => this.#ring.bytes),
      gauge('agent_events', 'Agent events that clients can ask for.', () => events.next - events.first),
      telemetry.countOf(
        'otelcol_exporter_hubble_forgotten_agent_events',
        'Agent events that went for newer ones.',
        { exporter: id },
        () => events.first,
      ),
      gauge('streams', 'Streams open now.', () => this.#streams.size),
      gauge('connections', 'Connections open now.', () => this.#server.connections),
    ]
  }
}
