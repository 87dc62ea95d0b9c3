import type { CreateContext } from '../component.ts'
import { rarely } from '../rarely.ts'
import type { FileSet, ReloadEvents } from './file-reload.ts'
import { HANDSHAKE_FAILURES } from './handshake-failure.ts'

/** Why a connection was closed before anything was asked: limits, or a TLS handshake that failed. */
const CONNECTION_REFUSALS = ['limit', 'client_limit', 'rate', ...HANDSHAKE_FAILURES] as const

/** Why a request was not looked at. */
const REQUEST_REFUSALS = ['unauthenticated', 'rate', 'message_size', 'timeout'] as const

export type ConnectionRefusal = (typeof CONNECTION_REFUSALS)[number]
export type RequestRefusal = (typeof REQUEST_REFUSALS)[number]

/** What a server tells of itself while it runs. */
export interface ServerReports extends ReloadEvents {
  /** Counts a connection that was closed, and logs it now and then. @param reason in words, with no secret in it */
  refusedConnection(cause: ConnectionRefusal, client: string, reason?: string): void
  /** Counts a request that was refused, and logs it now and then. */
  refusedRequest(cause: RequestRefusal, client: string): void
  /** When the certificate now in force ends, Unix milliseconds. */
  certificate(notAfterMs: number): void
  /** The server has stopped. */
  close(): void
}

/** Nobody listens. */
export const NO_REPORTS: ServerReports = {
  reloadFailed: () => {},
  reloaded: () => {},
  refusedConnection: () => {},
  refusedRequest: () => {},
  certificate: () => {},
  close: () => {},
}

interface Refusal {
  cause: string
  client: string
  reason?: string | undefined
}

/** Reports of a component's server: status, log and `fovea_server_…`, `fovea_tls_…` metrics. */
export function serverReports(
  context: Pick<CreateContext, 'id' | 'kind' | 'log' | 'report' | 'telemetry'>,
): ServerReports {
  const { log, telemetry } = context
  const labels = { otelcol_component_kind: context.kind, otelcol_component_id: context.id }
  const logConnection = rarely((since, refusal: Refusal) =>
    log.warn({ ...refusal, connections: since }, 'Connection refused'),
  )
  const logRequest = rarely((since, refusal: Refusal) => log.warn({ ...refusal, requests: since }, 'Request refused'))
  const counters = (name: string, help: string, causes: readonly string[]) =>
    new Map(causes.map((cause) => [cause, telemetry.counter(name, help, { ...labels, cause })]))
  const connections = counters(
    'fovea_server_refused_connections',
    'Connections closed before a request.',
    CONNECTION_REFUSALS,
  )
  const requests = counters('fovea_server_refused_requests', 'Requests not looked at.', REQUEST_REFUSALS)
  const events = reloadEvents(context)
  let notAfter = 0
  let forget = () => {}
  return {
    ...events,
    refusedConnection(cause, client, reason) {
      connections.get(cause)?.add(1)
      logConnection(1, { cause, client, reason })
    },
    refusedRequest(cause, client) {
      requests.get(cause)?.add(1)
      logRequest(1, { cause, client })
    },
    certificate(notAfterMs) {
      notAfter = notAfterMs / 1_000
      const help = "When the server's certificate ends, Unix seconds."
      forget = telemetry.gauge('fovea_tls_certificate_not_after_seconds', help, labels, () => notAfter)
    },
    close: () => forget(),
  }
}

/** Reports of files that a component reads again: status, log and `fovea_file_reloads`. */
export function reloadEvents({
  id,
  kind,
  log,
  report,
  telemetry,
}: Pick<CreateContext, 'id' | 'kind' | 'log' | 'report' | 'telemetry'>): ReloadEvents {
  const labels = { otelcol_component_kind: kind, otelcol_component_id: id }
  const count = (files: FileSet, outcome: 'loaded' | 'failed') =>
    telemetry
      .counter('fovea_file_reloads', 'Changed files of TLS and authentication.', { ...labels, files, outcome })
      .add(1)
  const failing = new Set<FileSet>()
  return {
    reloadFailed(files, error) {
      failing.add(files)
      count(files, 'failed')
      log.error({ err: error, files }, 'Changed files are not in force, those before them still are')
      report({ at: 'recoverable_error', error })
    },
    reloaded(files) {
      count(files, 'loaded')
      log.info({ files }, 'Changed files are in force')
      if (failing.delete(files) && failing.size === 0) report({ at: 'ok' })
    },
  }
}
