import type { Endpoint } from '../../../flow/endpoint.ts'
import { PartLabels } from './context-labels.ts'
import type { EndSources } from './end-sources.ts'
import { reservedIdentity, workloadKind, workloadName } from './identifiers.ts'
import { EndpointPart, type LabelPart, NamePart } from './label-parts.ts'
import type { End } from './row-values.ts'

/** How much the exact series say of both ends. */
export const END_LEVELS = ['none', 'namespace', 'workload', 'pod'] as const
export type EndLevel = (typeof END_LEVELS)[number]

const RESERVED = 'reserved:'

const NAMESPACE: Readonly<Record<string, (endpoint: Endpoint) => string>> = {
  namespace: ({ namespace }) => namespace,
  zone: ({ zone }) => zone ?? '',
  reserved: (endpoint) => reservedIdentity(endpoint).slice(RESERVED.length),
}
const WORKLOAD = {
  ...NAMESPACE,
  workload: workloadName,
  workload_kind: workloadKind,
  service: ({ service }: Endpoint) => service?.name ?? '',
  node: ({ nodeName }: Endpoint) => nodeName ?? '',
}
const POD = { ...WORKLOAD, pod: ({ podName }: Endpoint) => podName }

const LEVELS: Readonly<Record<EndLevel, typeof NAMESPACE>> = {
  none: {},
  namespace: NAMESPACE,
  workload: WORKLOAD,
  pod: POD,
}

/** Labels of both ends for the exact series: `source_namespace`, `destination_workload`, … @param dns whether names are told as well */
export function exactLabels(level: EndLevel, dns: boolean, sources: EndSources): PartLabels | undefined {
  const parts = [...endParts(level, dns, 'source', sources), ...endParts(level, dns, 'destination', sources)]
  return parts.length === 0 ? undefined : new PartLabels(parts, sources)
}

function endParts(level: EndLevel, dns: boolean, end: End, sources: EndSources): LabelPart[] {
  const fields = Object.entries(LEVELS[level])
  const parts: LabelPart[] = []
  if (fields.length > 0) {
    const values = sources.values(`exact:${level}`, (endpoint) => fields.map(([, read]) => read(endpoint)))
    const names = fields.map(([name]) => `${end}_${name}`)
    parts.push(new EndpointPart(names, end, values))
  }
  if (dns) parts.push(new NamePart(`${end}_dns`, end, sources))
  return parts
}
