import type { FlowBatch } from '../../flow/batch.ts'
import { ObservationPoint } from '../../flow/enums.ts'
import type { Family, FamilyOptions } from '../../metrics/family.ts'
import { SeriesCache } from '../../metrics/series-cache.ts'
import { PartLabels } from '../hubble_metrics/contexts/context-labels.ts'
import type { EndSources } from '../hubble_metrics/contexts/end-sources.ts'
import { workloadKind, workloadName } from '../hubble_metrics/contexts/identifiers.ts'
import { AddressPart, EndpointPart, type LabelPart } from '../hubble_metrics/contexts/label-parts.ts'
import type { HandlerSettings } from '../hubble_metrics/handlers/handler.ts'
import type { SeriesKeeper } from '../hubble_metrics/series-keeper.ts'

/** Retina's word for what is not known of an end. */
const UNKNOWN = 'unknown'

/** Labels of an end in Retina's order, after `ip`. */
const END_LABELS = ['namespace', 'podname', 'workload_kind', 'workload_name']

type End = 'source' | 'destination'

/** Which way a packet goes, seen from the pod: what its source sends, what its destination receives. */
export const EGRESS = 0
export const INGRESS = 1
export type Way = typeof EGRESS | typeof INGRESS

/** Series of one family for both ways. */
export interface PodFamily {
  readonly family: Family
  /** The cache of a way; its keys are the metric's own. */
  readonly series: readonly [egress: SeriesCache, ingress: SeriesCache]
}

/**
 * Whose labels a row is counted under. Local context: the pod of this node, `ip`, `podname`, …; what it sent and what it
 * received. Remote context: `source_…` and `destination_…`, both in every series.
 */
export class PodSides {
  /** Values of the label `direction`, in Retina's spelling for the context. */
  readonly directions: readonly [egress: string, ingress: string]
  readonly #settings: readonly [egress: HandlerSettings, ingress: HandlerSettings]
  readonly #nodeName: string

  constructor(keeper: SeriesKeeper, remote: boolean, nodeName: string) {
    const local = (end: End) =>
      keeper.labelledSettings(`retina:${end}`, (sources) => new PartLabels(endParts('', end, sources), sources))
    const both = () =>
      keeper.labelledSettings('retina:both', (sources) => {
        const parts = [...endParts('source_', 'source', sources), ...endParts('destination_', 'destination', sources)]
        return new PartLabels(parts, sources)
      })
    this.#settings = remote ? [both(), both()] : [local('source'), local('destination')]
    this.directions = remote ? ['EGRESS', 'INGRESS'] : ['egress', 'ingress']
    this.#nodeName = nodeName
  }

  /** A family with the labels of the context. @param labels own label values of a key */
  family(options: FamilyOptions, labels: (key: number) => readonly string[]): PodFamily {
    const [sent, received] = this.#settings
    const family = sent.family(options)
    return {
      family,
      series: [new SeriesCache(family, labels, sent.ends), new SeriesCache(family, labels, received.ends)],
    }
  }

  /** To be called before the rows of a batch are counted. */
  begin(batch: FlowBatch, ...families: readonly PodFamily[]): void {
    for (const { ends } of this.#settings) ends.begin(batch)
    for (const { series } of families) for (const cache of series) cache.refresh()
  }

  /** Number of the labels of a row. */
  labels(row: number, way: Way): number {
    return this.#settings[way].ends.id(row)
  }

  /** Label values of a number. */
  values(number: number, way: Way): readonly string[] {
    return this.#settings[way].ends.values(number)
  }

  /** The way of a packet at the host's end of a pod's interface; undefined elsewhere, where it passes once more. */
  wayAt({ columns }: FlowBatch, row: number): Way | undefined {
    const point = columns.observationPoint[row]
    if (point === ObservationPoint.TO_STACK) return EGRESS
    return point === ObservationPoint.TO_ENDPOINT ? INGRESS : undefined
  }

  /** Whether the pod at that end of a row is one of this node: for what is seen away from pods' interfaces. */
  isPod(batch: FlowBatch, row: number, way: Way): boolean {
    const { endpoints } = this.#settings[way]
    const id = way === EGRESS ? endpoints.source(batch, row) : endpoints.destination(batch, row)
    const { podName, nodeName = '' } = endpoints.table.get(id)
    return podName !== '' && (nodeName === '' || nodeName === this.#nodeName)
  }
}

function endParts(prefix: string, end: End, sources: EndSources): LabelPart[] {
  const values = sources.values('retina', (endpoint) =>
    [endpoint.namespace, endpoint.podName, workloadKind(endpoint), workloadName(endpoint)].map(
      (value) => value || UNKNOWN,
    ),
  )
  const names = END_LABELS.map((label) => `${prefix}${label}`)
  return [new AddressPart(`${prefix}ip`, end, sources), new EndpointPart(names, end, values)]
}
