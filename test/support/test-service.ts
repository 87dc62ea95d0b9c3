import { pino } from 'pino'
import { resolveConfig } from '../../src/pipeline/config/resolve.ts'
import type { ResolvedConfig } from '../../src/pipeline/config/resolved.ts'
import { Service } from '../../src/pipeline/service.ts'
import { Trace, testCatalog } from './test-catalog.ts'
import { treeOf } from './trees.ts'

/** A service of test components, what happened to them, and what it logged. */
export interface TestService {
  service: Service
  trace: Trace
  lines: { level: string; msg: string; err?: { message: string } }[]
  fatals: Error[]
  config(text: string): Promise<ResolvedConfig>
  /** Value of one of the service's own series; 0 when there is none. */
  metric(name: string, label: string): number
}

/** A service that has not started. Its own metrics are not served: tests read them from the tables. */
export function testService(): TestService {
  const trace = new Trace()
  const lines: TestService['lines'] = []
  const fatals: Error[] = []
  const log = pino(
    { level: 'debug', formatters: { level: (level) => ({ level }) } },
    { write: (line) => lines.push(JSON.parse(line)) },
  )
  const service = new Service({ version: '0.0.0', fatal: (error) => fatals.push(error), log })
  const catalog = testCatalog(trace)
  const config = (text: string) => resolveConfig(treeOf(text), catalog)
  return { service, trace, lines, fatals, config, metric: (name, label) => metricOf(service, name, label) }
}

/** The service section of every test: nothing listens. */
export const QUIET = 'telemetry: {metrics: {level: none}}'

function metricOf(service: Service, name: string, label: string): number {
  const family = service.telemetry.families().find((candidate) => candidate.name === name)
  if (family === undefined) return 0
  for (const id of family.ids()) if (family.labelValues(id)?.[0] === label) return family.value(id)
  return 0
}
