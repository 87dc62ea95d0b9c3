import { type DestinationStream, destination, type Logger, multistream, pino, stdTimeFunctions } from 'pino'
import type { LogSettings } from './config/service-settings.ts'

/** The service's log: for people as tab-separated columns like the Collector's, or as JSON. */

/**
 * A logger as `service::telemetry::logs` describes it. Lines are written at once, so that none is lost at the end.
 * @param further streams that take the lines as JSON
 */
export function createLogger(settings: LogSettings, further: readonly DestinationStream[] = []): Logger {
  const written = settings.output_paths.map((path) => outputStream(path, settings))
  const streams = [...written, ...further].map((stream) => ({ stream, level: settings.level }))
  return pino(
    {
      level: settings.level,
      base: settings.initial_fields,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    multistream(streams),
  )
}

/** `2026-11-22T15:28:40.123Z	info	Everything is ready.	{"otelcol.component.id":"ebpf"}` from a line of pino's JSON. */
export function consoleLine(json: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>
  if (err !== undefined) fields.error = errorField(err, level)
  const rest = Object.keys(fields).length === 0 ? '' : `\t${JSON.stringify(fields)}`
  return `${String(time)}\t${String(level)}\t${String(msg ?? '')}${rest}\n`
}

function outputStream(path: string, { encoding }: LogSettings): DestinationStream {
  const file = path === 'stderr' ? 2 : path === 'stdout' ? 1 : path
  const stream = destination({ dest: file, sync: true, append: true, mkdir: typeof file === 'string' })
  return encoding === 'json' ? stream : { write: (line) => stream.write(consoleLine(line)) }
}

/** A stack is for whoever looks into the program, a message for everybody. */
function errorField(err: unknown, level: unknown): unknown {
  if (typeof err !== 'object' || err === null || !('message' in err)) return err
  return level === 'debug' && 'stack' in err ? err.stack : err.message
}
