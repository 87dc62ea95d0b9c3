import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Certificates } from './certificates.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { peer } from './peers.ts'

/** One attribute or value of OTLP as JSON. */
export interface OtlpValue {
  stringValue?: string
  intValue?: string
  doubleValue?: number
  boolValue?: boolean
  arrayValue?: { values?: OtlpValue[] }
}

export interface OtlpAttribute {
  key: string
  value: OtlpValue
}

/** What the file exporter writes, one of these a line; only what tests read. */
export interface OtlpLine {
  resourceLogs?: {
    resource: { attributes: OtlpAttribute[] }
    scopeLogs: { scope: { name: string }; logRecords: OtlpLogRecord[] }[]
  }[]
  resourceMetrics?: {
    resource: { attributes: OtlpAttribute[] }
    scopeMetrics: { metrics: OtlpMetric[] }[]
  }[]
}

export interface OtlpLogRecord {
  timeUnixNano: string
  observedTimeUnixNano: string
  severityNumber: number
  severityText: string
  body?: OtlpValue
  eventName?: string
  attributes: OtlpAttribute[]
}

export interface OtlpMetric {
  name: string
  unit?: string
  description: string
  sum?: { aggregationTemporality: number; isMonotonic: boolean; dataPoints: OtlpPoint[] }
  gauge?: { dataPoints: OtlpPoint[] }
  histogram?: { aggregationTemporality: number; dataPoints: OtlpPoint[] }
}

export interface OtlpPoint {
  attributes?: OtlpAttribute[]
  startTimeUnixNano: string
  timeUnixNano: string
  asDouble?: number
  count?: string
  sum?: number
  bucketCounts?: string[]
  explicitBounds?: number[]
}

/** A real OpenTelemetry Collector that writes what it receives into a file. Made with `prepare`, started with `start`. */
export class Otelcol {
  /** Of OTLP over gRPC. */
  readonly port: number
  /** Of OTLP over HTTP. */
  readonly httpPort: number
  readonly folder: string
  #process: ChildProcess | undefined

  private constructor(folder: string, ports: { port: number; httpPort: number }) {
    this.folder = folder
    this.port = ports.port
    this.httpPort = ports.httpPort
  }

  /** Chooses ports and writes the configuration. @param tls serve OTLP over TLS */
  static async prepare(tls?: Certificates, folder = mkdtempSync(join(tmpdir(), 'fovea-otelcol-'))): Promise<Otelcol> {
    const otelcol = new Otelcol(folder, { port: await freePort(), httpPort: await freePort() })
    const section = tls === undefined ? '' : `, tls: {cert_file: ${tls.cert}, key_file: ${tls.key}}`
    writeFileSync(
      join(folder, 'config.yaml'),
      `receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:${otelcol.port}"${section}}
      http: {endpoint: "127.0.0.1:${otelcol.httpPort}"${section}}
exporters: {file: {path: "${otelcol.output}", flush_interval: 50ms, append: true}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics: {receivers: [otlp], exporters: [file]}
    logs: {receivers: [otlp], exporters: [file]}
`,
    )
    return otelcol
  }

  get output(): string {
    return join(this.folder, 'output.json')
  }

  /** @param inside network namespace to run in, this process's own by default */
  async start(inside?: NetworkNamespace): Promise<void> {
    const words: [string, ...string[]] = [peer('otelcol'), '--config', join(this.folder, 'config.yaml')]
    const child = inside === undefined ? spawn(words[0], words.slice(1)) : spawn(...inside.command(...words))
    this.#process = child
    let log = ''
    child.stderr.on('data', (data) => {
      log += data
    })
    await eventually('otelcol to start', () => {
      if (child.exitCode !== null) throw new Error(`otelcol ended:\n${log}`)
      return log.includes('Everything is ready') || undefined
    })
  }

  /** Every line that was written whole. */
  lines(): OtlpLine[] {
    if (!existsSync(this.output)) return []
    const text = readFileSync(this.output, 'utf8')
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as OtlpLine)
  }

  logRecords(): OtlpLogRecord[] {
    const resources = this.lines().flatMap((line) => line.resourceLogs ?? [])
    return resources.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
  }

  /** One list of metrics for each export. */
  exports(): OtlpMetric[][] {
    const resources = this.lines().flatMap((line) => line.resourceMetrics ?? [])
    return resources.map(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  }

  /** Stops it and removes its files. */
  async clear(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Attributes as a plain object. */
export function plainAttributes(attributes: readonly OtlpAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]))
}

function plain(value: OtlpValue): unknown {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plain)
  if (value.intValue !== undefined) return Number(value.intValue)
  return value.stringValue ?? value.doubleValue ?? value.boolValue
}
