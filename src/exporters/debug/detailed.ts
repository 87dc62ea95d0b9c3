import type { FlowBatch } from '../../flow/batch.ts'
import { COLUMNS, type ColumnName } from '../../flow/columns.ts'
import type { Ends } from '../../flow/ends.ts'
import { eventTypeText } from '../../flow/event-type-text.ts'
import { verdictName } from '../../flow/flow-names.ts'
import { L7Protocol } from '../../flow/l7.ts'
import { summary } from '../../flow/summary.ts'
import type { Colors } from './colors.ts'
import { destinationSide, sourceSide, timeText } from './compact-line.ts'

/** Columns that the named lines of a record already tell. */
const TOLD = new Set<ColumnName>(['timeSeconds', 'timeNanos', 'sourceAddress', 'destinationAddress', 'verdict', 'l7'])

const TEXTS = new Set<ColumnName>([
  'interfaceName',
  'sourceNames',
  'destinationNames',
  'dropReasonName',
  'dropLocation',
])

/** Every column of the row that holds something: the keys of `hubble observe --output dict` first, one per line. */
export function detailedRecord(batch: FlowBatch, row: number, ends: Ends, colors: Colors): string {
  const verdict = batch.columns.verdict[row]!
  const lines = [
    '------------',
    `  TIMESTAMP: ${timeText(batch, row)}`,
    `     SOURCE: ${sourceSide(batch, row, ends, colors).host}`,
    `DESTINATION: ${destinationSide(batch, row, ends, colors).host}`,
    `       TYPE: ${eventTypeText(batch, row)}`,
    `    VERDICT: ${colors.verdict(verdict)(verdictName(verdict))}`,
    `    SUMMARY: ${JSON.stringify(summary(batch, row)).slice(1, -1)}`,
  ]
  const columns = columnTexts(batch, row)
  if (batch.columns.l7[row] !== 0) columns.push(...l7Texts(batch, batch.columns.l7[row]! - 1))
  return `${lines.join('\n')}\n    COLUMNS: ${columns.join(' ')}`
}

function columnTexts(batch: FlowBatch, row: number): string[] {
  const texts: string[] = []
  for (const name of Object.keys(COLUMNS) as ColumnName[]) {
    const value = batch.columns[name][row]!
    if (value === 0 || TOLD.has(name)) continue
    texts.push(`${name}=${TEXTS.has(name) ? JSON.stringify(batch.strings[value]) : value}`)
  }
  return texts
}

function l7Texts(batch: FlowBatch, row: number): string[] {
  const { dnsId, latencyNs, truncated, protocol } = batch.l7.columns
  if (protocol[row] === L7Protocol.HTTP) return [`latencyNs=${latencyNs[row]}`, `truncated=${truncated[row]}`]
  return [`dnsId=${dnsId[row]}`, `latencyNs=${latencyNs[row]}`, `truncated=${truncated[row]}`]
}
