import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type FileConfig, fileConfig, type RotationConfig } from '../../src/exporters/file/config.ts'
import { FileExporter } from '../../src/exporters/file/exporter.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { createContext, ownMetric, type RecordingContext } from './create-context.ts'

/** Settings that a test changes. */
export type FileSettingsOfTest = Partial<Omit<FileConfig, 'rotation'>> & { rotation?: Partial<RotationConfig> }

/** A `file` exporter that runs, with what a test needs of its surroundings. */
export interface RunningFile {
  exporter: FileExporter
  context: RecordingContext
  endpoints: EndpointTable
  /** Value of one of its own metrics. */
  metric(name: string, labels?: Readonly<Record<string, string>>): number
  stop(): Promise<void>
}

/** Defaults, changed by `settings`. */
export function fileSettings({ rotation, ...settings }: FileSettingsOfTest): FileConfig {
  const defaults = defaultsOf(fileConfig.schema) as unknown as FileConfig
  return { ...defaults, ...settings, rotation: { ...defaults.rotation, ...rotation } }
}

/** Starts a file exporter. */
export async function startFile(settings: FileSettingsOfTest): Promise<RunningFile> {
  const endpoints = new EndpointTable()
  const context = Object.assign(createContext('exporter', 'file'), { endpoints })
  const exporter = new FileExporter(context, fileSettings(settings))
  await exporter.start()
  const metric = (name: string, labels = {}) => ownMetric(context, name, { exporter: 'file', ...labels })
  return { exporter, context, endpoints, metric, stop: () => exporter.shutdown(Date.now() + 10_000) }
}

/** A line as far as tests look at it. */
export interface ExportedEvent {
  flow?: Record<string, unknown> & { IP?: { source: string }; uuid?: string }
  lost_events?: Record<string, unknown>
  agent_event?: Record<string, unknown>
  node_name: string
  time: string
}

/** The parsed lines of a file, compressed or not. @throws SyntaxError where one is not whole */
export function linesOf(path: string): ExportedEvent[] {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  if (text !== '' && !text.endsWith('\n')) throw new SyntaxError(`${path} ends within a line`)
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as ExportedEvent]))
}

/** Paths of the rotated files beside `path`, the oldest first. */
export function backupsOf(path: string): string[] {
  const folder = dirname(path)
  return readdirSync(folder)
    .filter((name) => /-\d{4}-\d\d-\d\dT/.test(name))
    .sort()
    .map((name) => join(folder, name))
}
