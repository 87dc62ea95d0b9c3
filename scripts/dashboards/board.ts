import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DATASOURCE } from './panel.ts'

/** Variables that choose labels; `cluster`, `node` and `datasource` are on every dashboard. */
const VARIABLES = {
  cluster: { label: 'Cluster', query: 'label_values(fovea_connector_series, cluster)' },
  node: { label: 'Seen by node', query: 'label_values(fovea_connector_series{cluster=~"$cluster"}, node)' },
  job: {
    label: 'Job',
    query: 'label_values(otelcol_process_uptime{job=~".*fovea.*",cluster=~"$cluster"}, job)',
  },
  namespace: {
    label: 'Namespace',
    query:
      'label_values(fovea_flow_packets_total{cluster=~"$cluster",node=~"$node",source_namespace!=""}, source_namespace)',
  },
  workload: {
    label: 'Workload',
    query:
      'label_values(fovea_flow_packets_total{cluster=~"$cluster",node=~"$node",source_namespace=~"$namespace",source_workload!=""}, source_workload)',
  },
  point: {
    label: 'Counted at',
    query: 'label_values(fovea_flow_packets_total{cluster=~"$cluster",node=~"$node"}, observation_point)',
  },
} as const

export type VariableName = keyof typeof VARIABLES

/** A row of panels under a title. */
export interface Section {
  title: string
  panels: readonly Builder<Panel>[]
}

export interface BoardOptions {
  /** Name of the file, and in links. */
  uid: string
  title: string
  description: string
  /** Besides those that all have. */
  variables: readonly VariableName[]
  sections: readonly Section[]
}

/** Every dashboard leads to all others, with the same time and variables. */
export function board({ uid, title, description, variables, sections }: BoardOptions): Dashboard {
  const links = new DashboardLinkBuilder('fovea')
    .type(DashboardLinkType.Dashboards)
    .tags(['fovea'])
    .includeVars(true)
    .keepTime(true)
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['fovea', 'network'])
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .editable()
    .link(links)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
  for (const name of ['cluster', 'node', ...variables] as const) builder.withVariable(variable(name))
  for (const { title: heading, panels } of sections) {
    builder.withRow(new RowBuilder(heading))
    for (const panel of panels) builder.withPanel(panel)
  }
  return finished(builder.build())
}

/** Gives panels the ids by which links name them, and shows links at the top: by default they hide in a menu. */
function finished(dashboard: Dashboard): Dashboard {
  for (const [i, panel] of (dashboard.panels ?? []).entries()) {
    panel.id = i + 1
    for (const link of 'links' in panel ? (panel.links ?? []) : []) delete link.placement
  }
  for (const link of dashboard.links ?? []) delete link.placement
  return dashboard
}

function variable(name: VariableName): QueryVariableBuilder {
  const { label, query } = VARIABLES[name]
  const builder = new QueryVariableBuilder(name)
    .label(label)
    .query(query)
    .datasource(DATASOURCE)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
  // Points must not be added up: one is chosen, and it is where packets reach pods.
  if (name === 'point') return builder.current({ text: 'to-endpoint', value: 'to-endpoint', selected: true })
  return builder
    .multi(true)
    .includeAll(true)
    .allValue(name === 'job' ? '.*fovea.*' : '.*')
    .current({ text: 'All', value: '$__all', selected: true })
}
