import type { Logger } from 'pino'
import type { CreateContext } from '../../pipeline/component.ts'
import { isLoopback, parseEndpoint } from '../../pipeline/endpoint.ts'
import { serverReports } from '../../pipeline/settings/server-reports.ts'
import { CallMetrics } from './call-metrics.ts'
import type { HubbleConfig } from './config.ts'
import type { HubbleServerReports } from './server.ts'

/** Reports of the server, with the streams it refuses and the calls it answers. */
export function hubbleReports(context: CreateContext): HubbleServerReports {
  const name = 'otelcol_exporter_hubble_refused_streams'
  const counter = (cause: string) =>
    context.telemetry.counter(name, 'Streams refused because too many were open.', { exporter: context.id, cause })
  const counters = { limit: counter('limit'), client_limit: counter('client_limit') }
  return {
    ...serverReports(context),
    refusedStream: (cause) => counters[cause].add(1),
    calls: new CallMetrics(context.telemetry),
  }
}

/** Flows tell who talks to whom: whoever lets the network read them should know it. */
export function warnOfPlainText({ endpoint, tls }: HubbleConfig, log: Logger): void {
  if (endpoint === '' || tls.enabled || isLoopback(parseEndpoint(endpoint).host)) return
  log.warn(
    `${endpoint} serves flows in plain text to everybody who reaches it: write a "tls" section, or listen on localhost`,
  )
}
