import type { MetricData, ResourceMetrics, ScopeMetrics } from '@opentelemetry/sdk-metrics'

/**
 * Most data points of a request: gRPC servers take messages of 4 MiB unless told otherwise, and a point with the labels of
 * both ends of flows has a few hundred bytes.
 */
const MOST_POINTS = 4_096

/** Data points of all metrics. */
export function pointsOf({ scopeMetrics }: ResourceMetrics): number {
  let points = 0
  for (const { metrics } of scopeMetrics) for (const { dataPoints } of metrics) points += dataPoints.length
  return points
}

/** The same metrics in parts of at most so many points, in order; those that fit are one part, as they are. */
export function* metricParts(data: ResourceMetrics, most: number = MOST_POINTS): Generator<ResourceMetrics> {
  if (pointsOf(data) <= most) {
    yield data
    return
  }
  let scopeMetrics: ScopeMetrics[] = []
  let room = most
  for (const { scope, metrics } of data.scopeMetrics) {
    for (const piece of pieces(metrics, () => room)) {
      const last = scopeMetrics.at(-1)
      if (last?.scope === scope) last.metrics.push(piece)
      else scopeMetrics.push({ scope, metrics: [piece] })
      room -= piece.dataPoints.length
      if (room > 0) continue
      yield { ...data, scopeMetrics }
      scopeMetrics = []
      room = most
    }
  }
  if (scopeMetrics.length > 0) yield { ...data, scopeMetrics }
}

/** Metrics cut where the room for their points ends. @param room for the piece that is asked for */
function* pieces(metrics: readonly MetricData[], room: () => number): Generator<MetricData> {
  for (const metric of metrics) {
    for (let from = 0; from < metric.dataPoints.length; ) {
      const to = Math.min(metric.dataPoints.length, from + room())
      // A slice of points of one type is one of that type, which a union does not tell the compiler.
      yield { ...metric, dataPoints: metric.dataPoints.slice(from, to) } as MetricData
      from = to
    }
  }
}
