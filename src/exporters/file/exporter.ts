import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { FlowBatch } from '../../flow/batch.ts'
import { EndpointTable } from '../../flow/endpoint.ts'
import { Ends } from '../../flow/ends.ts'
import { HubbleEncoder } from '../../flow/hubble-encode.ts'
import { uuidPrefix } from '../../flow/hubble-uuid.ts'
import { flowMask } from '../../hubble/field-mask.ts'
import { readFlowFilters } from '../../hubble/filters/read-json.ts'
import { lostEncoder } from '../../hubble/lost-encoder.ts'
import { fullNodeName } from '../../hubble/node-name.ts'
import { type Component, type CreateContext, type FlowConsumer, RefusedError } from '../../pipeline/component.ts'
import { VERSION } from '../../pipeline/version.ts'
import { watchAgentEvents } from './agent-events.ts'
import type { FileConfig } from './config.ts'
import { DynamicLogs } from './dynamic-logs.ts'
import { FlowLog, type FlowLogContext, type FlowLogSettings } from './flow-log.ts'
import { logCounters } from './log-counters.ts'
import { aggregateKey } from './log-fields.ts'
import { STDOUT } from './open-output.ts'

/** Writes flows to files, as Hubble's exporter does: one that its settings describe, and those of a file that may change. */
export class FileExporter implements Component, FlowConsumer {
  readonly mutates = false
  readonly #context: CreateContext
  readonly #config: FileConfig
  readonly #shared: FlowLogContext
  readonly #static: FlowLog | undefined
  readonly #dynamic: DynamicLogs | undefined
  #unregister: (() => void)[] = []
  #serial = 0

  constructor(context: CreateContext, config: FileConfig) {
    this.#context = context
    this.#config = config
    this.#shared = sharedContext(context, config)
    if (config.path !== '') this.#static = new FlowLog(staticSettings(config), this.#shared)
    if (config.dynamic.path !== '') this.#dynamic = new DynamicLogs(config, this.#shared, context.telemetry, context.id)
  }

  async start(): Promise<void> {
    const { field_aggregate, aggregation_interval } = this.#config
    if (field_aggregate.length > 0 && aggregation_interval === 0) {
      this.#context.log.warn('Flows are not added up: set aggregation_interval beside field_aggregate')
    }
    await this.#static?.start()
    await this.#dynamic?.start()
    this.#registerGauges()
    const { cluster } = this.#shared.filters.ends.table
    const unwatch = watchAgentEvents(cluster, this.#context.nodeName, (event, ofType) => {
      for (const log of this.#logs()) log.tell(event, ofType)
    })
    this.#unregister.push(unwatch)
  }

  async shutdown(deadlineMs: number): Promise<void> {
    for (const unregister of this.#unregister.splice(0)) unregister()
    await Promise.all([this.#static?.shutdown(deadlineMs), this.#dynamic?.shutdown(deadlineMs)])
  }

  consume(batch: FlowBatch): void {
    this.#shared.encoder.refresh()
    let [logs, refused] = [0, 0]
    for (const log of this.#logs()) {
      logs++
      // Each log numbers the rows that it keeps: no two flows may have the same UUID.
      if (!log.consume(batch, ++this.#serial)) refused++
    }
    if (refused > 0 && refused === logs) throw new RefusedError('write queue is full: the disk is slow or full')
  }

  *#logs(): Generator<FlowLog> {
    if (this.#static !== undefined) yield this.#static
    if (this.#dynamic !== undefined) yield* this.#dynamic.logs()
  }

  #registerGauges(): void {
    const { telemetry, id } = this.#context
    const gauge = (name: string, help: string, read: (log: FlowLog) => number) =>
      telemetry.gauge(name, help, { exporter: id }, () => [...this.#logs()].reduce((sum, log) => sum + read(log), 0))
    this.#unregister = [
      gauge('fovea_file_queue_flows', 'Flows waiting to be written.', (log) => log.waiting),
      gauge('fovea_exporter_queue_bytes', 'Memory of the flows that wait.', (log) => log.waitingBytes),
      gauge('fovea_file_aggregates', 'Sums of flows that are not written yet.', (log) => log.keys),
    ]
  }
}

function sharedContext(context: CreateContext, config: FileConfig): FlowLogContext {
  const ends = new Ends(context.endpoints ?? new EndpointTable())
  const nodeName = fullNodeName(context.nodeName, config.cluster_name)
  const prefix = uuidPrefix(randomUUID())
  const emitter = { name: 'Fovea', version: VERSION }
  const encoder = new HubbleEncoder({ nodeName, emitter, ends, uuidPrefix: prefix })
  return {
    encoder,
    filters: { ends, nodeName, encoder },
    // Of other things than flows Hubble names the node alone.
    encodeLost: lostEncoder(context.nodeName),
    counters: logCounters(context),
    log: context.log,
    report: (status) => context.report(status),
    queueBytes: config.queue_mib * 1024 * 1024,
    aggregationLimit: config.aggregation_limit,
    syncIntervalMs: config.sync_interval,
  }
}

function staticSettings(config: FileConfig): FlowLogSettings {
  const { max_megabytes, max_backups, max_days, compress } = config.rotation
  return {
    allow: readFlowFilters(config.allow_list),
    deny: readFlowFilters(config.deny_list),
    mask: flowMask(config.field_mask),
    aggregate: aggregateKey(config.field_aggregate, config.aggregation_interval),
    aggregationIntervalMs: config.aggregation_interval,
    endMs: undefined,
    file: {
      path: config.path === STDOUT ? STDOUT : resolve(config.path),
      maxBytes: max_megabytes * 1024 * 1024,
      maxBackups: max_backups,
      maxDays: max_days,
      compress,
      mode: config.mode,
      createDirectory: config.create_directory,
    },
  }
}
