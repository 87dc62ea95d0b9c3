import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api'
import type { Logger } from 'pino'

const PARTIAL_SUCCESS = 'Received Partial Success response:'

/**
 * Takes what OpenTelemetry's packages say of themselves, which is one logger for the process: the part of a request that
 * the backend refused is a warning; everything else repeats what `Sender` tells and counts.
 */
export function takeDiagnostics(log: Logger): void {
  const debug = (message: string, ...details: unknown[]) => log.debug({ details }, message)
  const logger: DiagLogger = {
    error: debug,
    warn: (message, ...details) => {
      if (message === PARTIAL_SUCCESS) log.warn({ details: details.join(' ') }, 'Partial success response')
      else debug(message, ...details)
    },
    info: debug,
    debug,
    verbose: debug,
  }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
}
