import type { ConfigSpec, Problem } from '../component.ts'
import { nearestWord } from './suggest.ts'

/** Everything below `service` except `pipelines` and `extensions`. */
export interface ServiceSettings {
  telemetry: {
    logs: LogSettings & {
      /** Id of the `otlp_grpc` exporter whose backend gets the log, too; `''` = none. */
      exporter: string
    }
    metrics: { level: 'none' | 'basic' | 'normal' | 'detailed'; readers: readonly MetricReaderSettings[] }
    /** Attributes of this service; null takes a default away. */
    resource: Readonly<Record<string, string | null>>
  }
  /** Worker threads for decoding and encoding. */
  workers: number
  /** Milliseconds that draining may take. */
  shutdown_timeout: number
  /** Whether a change of a configuration file reloads. */
  watch_config: boolean
}

export interface LogSettings {
  level: 'debug' | 'info' | 'warn' | 'error'
  encoding: 'console' | 'json'
  output_paths: readonly string[]
  initial_fields: Readonly<Record<string, string>>
}

/** One item of `service::telemetry::metrics::readers`, as in the Collector. */
export interface MetricReaderSettings {
  pull: { exporter: { prometheus: { host?: string; port?: number } } }
}

const DEFAULT_READERS: readonly MetricReaderSettings[] = [
  { pull: { exporter: { prometheus: { host: 'localhost', port: 8888 } } } },
]

/** How those settings are described. */
export const serviceSettingsSpec: ConfigSpec<ServiceSettings> = {
  schema: {
    telemetry: {
      logs: {
        level: { doc: 'least severity that is logged', format: ['debug', 'info', 'warn', 'error'], default: 'info' },
        encoding: { doc: 'text for people or JSON', format: ['console', 'json'], default: 'console' },
        output_paths: { doc: 'stderr, stdout or files', format: 'string-list', default: ['stderr'] },
        initial_fields: { doc: 'fields of every line', format: 'string-map', default: {} },
        exporter: {
          doc: 'id of the otlp_grpc exporter to whose backend the log goes, too; empty: none',
          format: String,
          default: '',
        },
      },
      metrics: {
        level: {
          doc: 'none switches the own metrics off',
          format: ['none', 'basic', 'normal', 'detailed'],
          default: 'normal',
        },
        readers: { doc: 'where the own metrics are served', format: 'array', default: DEFAULT_READERS },
      },
      resource: { doc: 'attributes of this service', format: 'nullable-string-map', default: {} },
    },
    workers: { doc: 'worker threads for decoding and encoding', format: 'positive-int', default: 1 },
    shutdown_timeout: { doc: 'how long draining may take', format: 'duration', default: '10s' },
    watch_config: { doc: 'reload when a configuration file changes', format: Boolean, default: false },
  },
  check: ({ telemetry }) => [
    ...telemetry.metrics.readers.flatMap((reader, i) =>
      checkReader(reader, ['telemetry', 'metrics', 'readers', String(i)]),
    ),
    ...(telemetry.logs.output_paths.length > 0
      ? []
      : [{ path: ['telemetry', 'logs', 'output_paths'], message: 'must have at least one path' }]),
  ],
}

/** Readers are free-form for convict, being items of a list. */
function checkReader(reader: unknown, path: readonly string[]): Problem[] {
  const steps = ['pull', 'exporter', 'prometheus']
  let at = reader
  let below = path
  for (const step of steps) {
    const unknown = unknownKeys(at, [step], below)
    if (unknown.length > 0) return unknown
    below = [...below, step]
    at = (at as Record<string, unknown>)[step]
    if (at === undefined)
      return [{ path: below, message: `only pull readers with a prometheus exporter are supported` }]
  }
  const { host = '', port = 0 } = at as { host?: unknown; port?: unknown }
  return [
    ...unknownKeys(at, ['host', 'port'], below),
    ...(typeof host === 'string' ? [] : [{ path: [...below, 'host'], message: 'expected a string' }]),
    ...(isPort(port) ? [] : [{ path: [...below, 'port'], message: 'expected a port, 0 to 65535' }]),
  ]
}

function unknownKeys(value: unknown, known: readonly string[], path: readonly string[]): Problem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ path, message: `expected a map with ${known.join(', ')}` }]
  }
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const near = nearestWord(key, known)
      const advice =
        near === undefined ? ` (valid keys: ${known.join(', ')})` : `, did you mean ${JSON.stringify(near)}?`
      return { path, message: `unknown key ${JSON.stringify(key)}${advice}` }
    })
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535
}
