import type { Logger } from 'pino'
import type { ResolvedConfig } from './config/resolved.ts'
import { createLogger } from './log.ts'
import type { OwnLogs, OwnLogsConfig } from './otlp/own-logs.ts'
import type { Resource } from './resource.ts'
import type { Telemetry } from './telemetry.ts'

/** The log of a configuration. */
export interface ServiceLog {
  log: Logger
  /** Where it goes besides what is written; undefined = nowhere. */
  ownLogs: OwnLogs | undefined
}

/** The log as `service::telemetry::logs` describes it. @throws Error that names the file at fault */
export async function openLog(config: ResolvedConfig, resource: Resource, telemetry: Telemetry): Promise<ServiceLog> {
  const { logs } = config.service.telemetry
  const settings = ownLogsConfig(config)
  if (settings === undefined) return { log: createLogger(logs), ownLogs: undefined }
  // OpenTelemetry's packages are loaded only where the log goes to a backend.
  const { OwnLogs } = await import('./otlp/own-logs.ts')
  const ownLogs = await OwnLogs.open(settings, resource, telemetry)
  return { log: createLogger(logs, [ownLogs]), ownLogs }
}

/** Settings of the exporter that `service::telemetry::logs::exporter` names; that there is one, of that type, was checked. */
export function ownLogsConfig({ components, service }: ResolvedConfig): OwnLogsConfig | undefined {
  return components.exporter.get(service.telemetry.logs.exporter)?.config as OwnLogsConfig | undefined
}
