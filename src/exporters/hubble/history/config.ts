import type { Problem } from '../../../pipeline/component.ts'

export interface HistoryConfig {
  /** `''` = flows are kept in memory alone. */
  directory: string
  max_bytes: number
  /** Milliseconds. */
  max_age: number
}

/** Below this a few blocks fill it. */
const LEAST_BYTES = 1024 * 1024

export const historySchema = {
  directory: {
    doc: 'keeps the newest flows in this directory, too, so that they are there after a restart; empty: memory alone',
    format: String,
    default: '',
  },
  max_bytes: {
    doc: 'most bytes of its files, at least 1 MiB; the oldest flows go first',
    format: 'positive-int',
    default: 1024 * 1024 * 1024,
  },
  max_age: { doc: 'how long flows are kept there', format: 'positive-duration', default: '24h' },
}

/** @param path of the section */
export function checkHistory({ directory, max_bytes }: HistoryConfig, path: readonly string[]): Problem[] {
  if (directory === '' || max_bytes >= LEAST_BYTES) return []
  return [{ path: [...path, 'max_bytes'], message: `must be at least ${LEAST_BYTES} (1 MiB)` }]
}
