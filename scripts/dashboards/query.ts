/**
 * Pieces of PromQL. Grafana puts the variables in: `$cluster`, `$node`, … stand for regular expressions, `.*` for all, so that
 * a label that a scrape does not add (`cluster`, `node`) leaves nothing out.
 */

/** What every query says of where a series comes from. */
const PLACE = 'cluster=~"$cluster",node=~"$node"'

/** Jobs of fovea's own metrics: real Collectors have `otelcol_…`, too. */
const OWN = `${PLACE},job=~"$job"`

/** A selector with the place, and further matchers. */
export function of(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${[PLACE, ...matchers].join(',')}}`
}

/** The selector of one of fovea's own metrics. */
export function own(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${[OWN, ...matchers].join(',')}}`
}

/** Per second. @param selector of counters */
export function rate(selector: string): string {
  return `rate(${selector}[$__rate_interval])`
}

/** Rate of what the chosen namespaces and workloads send. */
export function sent(metric: string, ...matchers: readonly string[]): string {
  return rate(of(metric, 'source_namespace=~"$namespace"', 'source_workload=~"$workload"', ...matchers))
}

/** Rate of what is on its way to the chosen namespaces and workloads. */
export function received(metric: string, ...matchers: readonly string[]): string {
  return rate(of(metric, 'destination_namespace=~"$namespace"', 'destination_workload=~"$workload"', ...matchers))
}

/** Rate of what has a chosen namespace and workload at either end, every series once. */
export function touching(metric: string, ...matchers: readonly string[]): string {
  return `(${sent(metric, ...matchers)} or ${received(metric, ...matchers)})`
}

/** Sum by labels. */
export function sum(by: string, expression: string): string {
  return by === '' ? `sum(${expression})` : `sum by (${by}) (${expression})`
}

/** The largest ones, 0 left out. */
export function top(count: number, by: string, expression: string): string {
  return `topk(${count}, ${sum(by, expression)} > 0)`
}

/** A quantile of rates of buckets. @param by further labels */
export function quantile(q: number, by: string, buckets: string): string {
  return `histogram_quantile(${q}, ${sum(['le', by].filter((label) => label !== '').join(', '), buckets)})`
}

/** Labels that name both ends. */
export const ENDS =
  'source_namespace, source_workload, source_reserved, destination_namespace, destination_workload, destination_reserved'

/** Legend of a source or destination: `namespace/workload`, or who else it is. */
export function end(side: 'source' | 'destination'): string {
  return `{{${side}_namespace}}/{{${side}_workload}}{{${side}_reserved}}`
}
