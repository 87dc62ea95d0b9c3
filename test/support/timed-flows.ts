import type { FlowBatch } from '../../src/flow/batch.ts'
import { type FlowRow, flowBatch, TCP_SYN } from './flows.ts'

/** Second 0 of {@link timedFlows}, Unix time. */
export const SECOND = 1_700_000_000

/** Flows with the source ports and seconds `from` to `to`. Even ones are UDP. */
export function timedFlows(from: number, to: number, change: FlowRow = {}): FlowBatch {
  const rows = Array.from({ length: to - from + 1 }, (_, i) => ({
    ...TCP_SYN,
    sourcePort: from + i,
    protocol: (from + i) % 2 === 0 ? 17 : 6,
    timeMs: (SECOND + from + i) * 1_000,
    ...change,
  }))
  return flowBatch(rows)
}

/** Time of that second, as requests say it. */
export function at(second: number): { seconds: number } {
  return { seconds: SECOND + second }
}
