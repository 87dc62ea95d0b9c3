import { addressText } from '../../src/flow/address.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import type { Endpoint } from '../../src/flow/endpoint.ts'
import type { Ends } from '../../src/flow/ends.ts'
import { Direction } from '../../src/flow/enums.ts'

/** Hubble's context labels as an object for each flow: what the engine over columns is compared with. */

/** A flow as contexts see it. */
interface Flow {
  direction: number
  source: FlowEnd
  destination: FlowEnd
}

interface FlowEnd {
  endpoint: Endpoint
  names: string
  ip: string
}

type Options = ReadonlyMap<string, readonly string[]>

const PARTS = ['ip', 'pod', 'namespace', 'workload', 'workload_kind', 'app']

/** Label values of a row by name. */
export function naiveContexts(
  options: Options,
  ends: Ends,
  batch: FlowBatch,
  row: number,
  swapped = false,
): Record<string, string> {
  const flow = flowOf(ends, batch, row)
  const shown = swapped ? { ...flow, source: flow.destination, destination: flow.source } : flow
  const labels: Record<string, string> = {}
  for (const name of options.get('labelscontext') ?? []) labels[name] = labelValue(shown, name)
  const source = contextValue(options, 'source', flow)
  const destination = contextValue(options, 'destination', flow)
  if (isWanted(options, 'source')) labels.source = swapped ? destination : source
  if (isWanted(options, 'destination')) labels.destination = swapped ? source : destination
  return labels
}

function flowOf(ends: Ends, batch: FlowBatch, row: number): Flow {
  const { columns, strings } = batch
  const ip = (column: Uint32Array) => (columns.ipVersion[row] === 0 ? '' : addressText(column, row))
  return {
    direction: columns.direction[row]!,
    source: {
      endpoint: ends.table.get(ends.source(batch, row)),
      names: strings[columns.sourceNames[row]!]!,
      ip: ip(columns.sourceAddress),
    },
    destination: {
      endpoint: ends.table.get(ends.destination(batch, row)),
      names: strings[columns.destinationNames[row]!]!,
      ip: ip(columns.destinationAddress),
    },
  }
}

function isWanted(options: Options, end: string): boolean {
  return ['', 'ingress', 'egress'].some((direction) => (options.get(`${end}${direction}context`) ?? []).length > 0)
}

function contextValue(options: Options, end: 'source' | 'destination', flow: Flow): string {
  const names: Record<number, string> = { [Direction.INGRESS]: 'ingress', [Direction.EGRESS]: 'egress' }
  const directed = options.get(`${end}${names[flow.direction] ?? ''}context`) ?? []
  const list = directed.length > 0 ? directed : (options.get(`${end}context`) ?? [])
  for (const identifier of list) {
    const value = identified(identifier, flow[end])
    if (value !== '') return value
  }
  return ''
}

function identified(identifier: string, { endpoint, names, ip }: FlowEnd): string {
  const { namespace, podName, workloads, labels } = endpoint
  const workload = workloads[0]?.name ?? ''
  const prefix = namespace === '' ? '' : `${namespace}/`
  const reserved = labels.filter((label) => label.startsWith('reserved:'))
  const values: Record<string, string> = {
    identity: labels.join(','),
    namespace,
    pod: `${prefix}${podName}`,
    'pod-name': podName,
    dns: names,
    ip,
    'reserved-identity': reserved.find((label) => label === 'reserved:kube-apiserver') ?? reserved[0] ?? '',
    workload: workload === '' ? '' : `${prefix}${workload}`,
    'workload-name': workload,
    app: appOf(labels),
  }
  return values[identifier]!
}

function labelValue(flow: Flow, name: string): string {
  if (name === 'traffic_direction') return { 1: 'ingress', 2: 'egress' }[flow.direction] ?? 'unknown'
  const end = name.startsWith('source_') ? 'source' : 'destination'
  const part = name.slice(end.length + 1)
  if (!PARTS.includes(part)) throw new Error(`no such label: ${name}`)
  const { endpoint, ip } = flow[end]
  const [workload] = endpoint.workloads
  const values: Record<string, string | undefined> = {
    ip,
    pod: endpoint.podName,
    namespace: endpoint.namespace,
    workload: workload?.name,
    workload_kind: workload?.kind,
    app: appOf(endpoint.labels),
  }
  return values[part] ?? ''
}

function appOf(labels: readonly string[]): string {
  for (const label of labels) {
    const found = /^k8s:(?:app\.kubernetes\.io\/name|k8s-app|app)=(.+)$/.exec(label)
    if (found !== null) return found[1]!
  }
  return ''
}
