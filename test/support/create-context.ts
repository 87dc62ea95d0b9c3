import { type Logger, pino } from 'pino'
import type { CreateContext, Kind, Status } from '../../src/pipeline/component.ts'
import { WorkerPool } from '../../src/pipeline/pool.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'

/** A context whose log lines and statuses a test can read. */
export interface RecordingContext extends CreateContext {
  readonly statuses: Status[]
  readonly lines: { level: number; msg: string }[]
}

/** What a component is given when it is built outside a service. */
export function createContext(kind: Kind, id: string): RecordingContext {
  const statuses: Status[] = []
  const lines: { level: number; msg: string }[] = []
  const write = (line: string) => lines.push(JSON.parse(line))
  const log: Logger = pino({ level: 'info' }, { write })
  return {
    id,
    kind,
    log,
    telemetry: new Telemetry(),
    pool: new WorkerPool(),
    nodeName: 'node-1',
    resource: { 'service.name': 'fovea', 'service.version': '0.0.0', 'service.instance.id': 'test' },
    report: (status) => statuses.push(status),
    extension: () => undefined,
    statuses,
    lines,
  }
}

/** Value of a counter or gauge of the component's own metrics; 0 when there is no such series. */
export function ownMetric(context: CreateContext, name: string, labels: Readonly<Record<string, string>>): number {
  const family = context.telemetry.families().find((candidate) => candidate.name === name)
  if (family === undefined) return 0
  for (const id of family.ids()) {
    const values = family.labelValues(id) ?? []
    if (family.labels.every((label, i) => labels[label] === values[i])) return family.value(id)
  }
  return 0
}
