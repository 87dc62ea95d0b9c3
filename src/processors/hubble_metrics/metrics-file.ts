import type { ConfigSpec } from '../../pipeline/component.ts'
import { decode } from '../../pipeline/config/decode.ts'
import { readDocument } from '../../pipeline/config/document.ts'
import { ConfigError } from '../../pipeline/config/problem.ts'
import { isNull } from '../../pipeline/config/tree.ts'
import { type MetricEntry, readMetrics } from './metric-list.ts'

/** A file that `dynamic_config` names, in the words of Hubble's dynamic metrics. */
const metricsFile: ConfigSpec<{ metrics: unknown[] }> = {
  schema: { metrics: { format: 'array', default: [] } },
  check: ({ metrics }) => readMetrics(metrics).problems,
}

/** Reads the YAML that lists metrics. @param source what problems call it @throws ConfigError with every problem and its place */
export function readMetricsFile(text: string, source: string): MetricEntry[] {
  const { tree, problems } = readDocument(text, { name: source, order: 0 })
  if (tree === undefined || problems.length > 0) throw new ConfigError(problems)
  if (isNull(tree)) return []
  const decoded = decode(metricsFile, tree, [])
  if (decoded.problems.length > 0) throw new ConfigError(decoded.problems)
  return readMetrics((decoded.config as { metrics: unknown[] }).metrics).entries
}
