import type { Attributes } from '@opentelemetry/api'
import type { ExportResult } from '@opentelemetry/core'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { BatchLogRecordProcessor, LoggerProvider, type ReadableLogRecord } from '@opentelemetry/sdk-logs'
import type { DestinationStream } from 'pino'
import { before } from '../deadline.ts'
import type { Resource } from '../resource.ts'
import type { GrpcClientConfig } from '../settings/grpc-client.ts'
import { NO_REPORTS } from '../settings/server-reports.ts'
import type { Counter, Telemetry } from '../telemetry.ts'
import { channelCredentials, exporterUrl, type GrpcSecurity, requestMetadata } from './grpc-credentials.ts'
import { observerResource } from './resource.ts'
import { userAgent } from './user-agent.ts'

/** What the service's own log takes of the settings of an `otlp_grpc` exporter. */
export type OwnLogsConfig = GrpcSecurity & Pick<GrpcClientConfig, 'headers' | 'compression'> & { timeout: number }

/** Most records that wait for the backend. */
const MOST_WAITING = 2_048

/** `SeverityNumber`, by pino's names of levels. */
const SEVERITIES: Readonly<Record<string, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 }

/** The service's own log as OTLP log records, by OpenTelemetry's SDK: a stream of pino beside those that are written. */
export class OwnLogs implements DestinationStream {
  readonly #provider: LoggerProvider
  readonly #version: string
  readonly #sent: Counter
  readonly #failed: Counter
  readonly #refused: Counter
  #waiting = 0

  private constructor(exporter: OTLPLogExporter, resource: Resource, telemetry: Telemetry) {
    const counter = (name: string, help: string) => telemetry.counter(name, help, { exporter: 'service/logs' })
    this.#sent = counter('otelcol_exporter_sent_log_records', 'Lines of the own log delivered.')
    this.#failed = counter('otelcol_exporter_send_failed_log_records', 'Lines of the own log given up.')
    this.#refused = counter('otelcol_exporter_enqueue_failed_log_records', 'Lines of the own log that found no room.')
    this.#version = resource['service.version'] ?? ''
    const processor = new BatchLogRecordProcessor({
      exporter: {
        export: (records: ReadableLogRecord[], done: (result: ExportResult) => void) =>
          exporter.export(records, (result) => {
            this.#settle(records.length, result.code === 0)
            done(result)
          }),
        forceFlush: () => exporter.forceFlush(),
        shutdown: () => exporter.shutdown(),
      },
      maxQueueSize: MOST_WAITING,
    })
    this.#provider = new LoggerProvider({ resource: observerResource(resource), processors: [processor] })
  }

  /** @throws Error that names the file at fault */
  static async open(config: OwnLogsConfig, resource: Resource, telemetry: Telemetry): Promise<OwnLogs> {
    const exporter = new OTLPLogExporter({
      url: exporterUrl(config.endpoint),
      // A log cannot tell of its own troubles: they are counted.
      credentials: await channelCredentials(config, NO_REPORTS),
      metadata: requestMetadata(config.headers),
      compression: config.compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
      timeoutMillis: config.timeout,
      userAgent: userAgent(resource),
    })
    return new OwnLogs(exporter, resource, telemetry)
  }

  /** @param line JSON of pino */
  write(line: string): void {
    if (this.#waiting >= MOST_WAITING) {
      this.#refused.add(1)
      return
    }
    this.#waiting++
    const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
    const severity = SEVERITIES[String(level)]
    this.#provider.getLogger('fovea', this.#version).emit({
      timestamp: new Date(String(time)),
      ...(severity === undefined ? {} : { severityNumber: severity }),
      severityText: String(level).toUpperCase(),
      body: String(msg ?? ''),
      attributes: attributesOf(fields),
    })
  }

  /** Sends what waits; what could not be sent in time is counted as given up. */
  async shutdown(deadlineMs: number): Promise<void> {
    await before(
      deadlineMs,
      this.#provider.shutdown().catch(() => {}),
    )
    this.#settle(this.#waiting, false)
  }

  #settle(records: number, delivered: boolean): void {
    // Given up at the end already.
    const settled = Math.min(records, this.#waiting)
    this.#waiting -= settled
    const counter = delivered ? this.#sent : this.#failed
    counter.add(settled)
  }
}

/** Fields of a line: an error by the semantic conventions, other objects as JSON. */
function attributesOf(fields: Readonly<Record<string, unknown>>): Attributes {
  const out: Attributes = {}
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'err') addError(out, value)
    else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') out[name] = value
    else if (value !== null && value !== undefined) out[name] = JSON.stringify(value)
  }
  return out
}

/** @param error as pino writes it: text, or type, message and stack */
function addError(out: Attributes, error: unknown): void {
  if (typeof error !== 'object' || error === null) {
    out['exception.message'] = String(error)
    return
  }
  const { type, message, stack } = error as Record<string, unknown>
  if (type !== undefined) out['exception.type'] = String(type)
  if (message !== undefined) out['exception.message'] = String(message)
  if (stack !== undefined) out['exception.stacktrace'] = String(stack)
}
