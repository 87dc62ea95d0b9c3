import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { agents } from './agents.ts'
import { dns } from './dns.ts'
import { drops } from './drops.ts'
import { overview } from './overview.ts'
import { tcp } from './tcp.ts'
import { traffic } from './traffic.ts'

/** All dashboards, in the order in which one looks at them. */
export const DASHBOARDS: readonly Dashboard[] = [overview, traffic, drops, dns, tcp, agents]

/** Text of each file below helm/fovea/dashboards. */
export function dashboardFiles(): Map<string, string> {
  return new Map(DASHBOARDS.map((dashboard) => [`${dashboard.uid}.json`, `${JSON.stringify(dashboard, null, 2)}\n`]))
}
