/**
 * What Hubble UI's backend asks of an observer, and how its service map follows from the answers: requests, cards and links
 * as of UI 0.13.
 */

/** `GetFlows` of the map of one namespace. */
export function mapRequest(namespace: string): object {
  return {
    follow: true,
    number: 10_000,
    whitelist: [
      { source_pod: [`${namespace}/`], reply: [false] },
      { destination_pod: [`${namespace}/`], reply: [false] },
    ],
    blacklist: [{ source_label: ['reserved:unknown'] }, { destination_label: ['reserved:unknown'] }],
  }
}

interface UiEndpoint {
  identity?: number
  namespace?: string
  pod_name?: string
  labels?: string[]
  workloads?: { name?: string; kind?: string }[]
}

/** `flow.Flow`, as far as the map looks at it; enums as numbers. */
export interface UiFlow {
  l4?: Record<string, unknown>
  source?: UiEndpoint
  destination?: UiEndpoint
  source_names?: string[]
  destination_names?: string[]
  destination_service?: object | null
  verdict?: number
}

export interface ServiceMap {
  /** Title by card id. */
  cards: Record<string, string>
  /** Verdicts seen, by link id. */
  links: Record<string, number[]>
}

/** The map that the UI draws of these flows. */
export function serviceMap(flows: readonly UiFlow[]): ServiceMap {
  const cards: Record<string, string> = {}
  const links: Record<string, Set<number>> = {}
  for (const flow of flows) {
    if (!isUsed(flow)) continue
    const ends = [
      { end: flow.source, names: flow.source_names ?? [], side: 'sender' },
      { end: flow.destination, names: flow.destination_names ?? [], side: 'receiver' },
    ] as const
    const [source, destination] = ends.map(({ end, names, side }) => {
      const id = cardId(end, names, side)
      cards[id] ??= cardTitle(end, names)
      return id
    })
    const [protocol, port] = layer4(flow.l4)
    const link = `${source} ${protocol} ${destination}:${port}`
    links[link] ??= new Set()
    links[link].add(flow.verdict ?? 0)
  }
  return { cards, links: Object.fromEntries(Object.entries(links).map(([id, verdicts]) => [id, [...verdicts].sort()])) }
}

type UsedFlow = UiFlow & Required<Pick<UiFlow, 'l4' | 'source' | 'destination'>>

function isUsed(flow: UiFlow): flow is UsedFlow {
  const { l4, source, destination, destination_service, destination_names = [] } = flow
  if (!l4 || !source || !destination) return false
  return !destination_service || !(isWorld(destination) || destination_names.length > 0)
}

function isWorld({ labels = [] }: UiEndpoint): boolean {
  return labels.includes('reserved:world')
}

/** One card per identity; what is outside has none of its own. */
function cardId(end: UiEndpoint, names: readonly string[], side: 'sender' | 'receiver'): string {
  const { identity = 0, workloads: [workload] = [] } = end
  if (!isWorld(end) && identity > 0) return String(identity)
  if (workload !== undefined) return `${workload.kind}/${workload.name}`
  return names.length > 0 ? `${names[0]}-${side}` : `world-${side}`
}

const TITLE_LABELS = ['app', 'name', 'functionName', 'k8s-app']

function cardTitle({ labels = [], pod_name = '', identity = 0 }: UiEndpoint, names: readonly string[]): string {
  const stripped = labels.map((label) => label.replace(/^(k8s:)?(io\.kubernetes\.pod\.|app\.kubernetes\.io\/)?/, ''))
  for (const key of TITLE_LABELS) {
    const found = stripped.find((label) => label.startsWith(`${key}=`))
    if (found !== undefined) return found.slice(key.length + 1)
  }
  return pod_name || names[0] || String(identity)
}

function layer4(l4: Record<string, unknown>): [string, number] {
  const protocol = ['TCP', 'UDP', 'ICMPv4', 'ICMPv6', 'SCTP'].find((name) => l4[name]) ?? 'unknown'
  const { destination_port = 0 } = (l4[protocol] ?? {}) as { destination_port?: number }
  return [protocol, destination_port]
}
