import {
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableSortByFieldStateBuilder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as HeatmapBuilder } from '@grafana/grafana-foundation-sdk/heatmap'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TextBuilder, TextMode } from '@grafana/grafana-foundation-sdk/text'
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

/** What all panels say. */
interface PanelText {
  title: string
  /** What it shows, and what to do when it looks bad. */
  description: string
  /** Grafana's unit id: `pps`, `Bps`, `s`, `percentunit`, … */
  unit: string
}

/** A query and what its series are called. */
export type Query = readonly [expression: string, legend: string]

export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '$datasource' }

/** Columns of the grid: a whole row has 24. */
const ROW = 24

export interface GraphOptions extends PanelText {
  queries: readonly Query[]
  /** Of 24 columns. */
  width?: number
  stacked?: boolean
}

/** Lines over time; the legend is a table with the last and the largest value. */
export function graph({ title, description, unit, queries, width = ROW / 2, stacked = false }: GraphOptions) {
  const legend = new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.Table)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs(['lastNotNull', 'max'])
    .sortBy('Max')
    .sortDesc(true)
  const panel = new GraphBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .min(0)
    .span(width)
    .height(8)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 10)
    .legend(legend)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(targets(queries))
  return stacked ? panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal)) : panel
}

export interface StatOptions extends PanelText {
  query: string
  /** From which value on it is orange and red. */
  limits?: readonly [warning: number, critical: number]
  width?: number
  /** Uid of the dashboard that tells more. */
  opens?: string
}

/** One number with its course behind it. */
export function stat({ title, description, unit, query, limits, width = ROW / 6, opens }: StatOptions) {
  const steps = [{ value: null, color: limits === undefined ? 'blue' : 'green' }]
  const links = opens === undefined ? [] : [linkTo(opens)]
  const colours = (limits ?? []).map((value, i) => ({ value, color: i === 0 ? 'orange' : 'red' }))
  return new StatBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .height(4)
    .noValue('none')
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps, ...colours]))
    .links(links)
    .targets(targets([[query, '']]))
}

export interface TableOptions extends PanelText {
  query: string
  /** What the column of values is called. */
  value: string
  /** Labels in their order, with the heads of their columns. */
  columns: Readonly<Record<string, string>>
  width?: number
}

/** The newest values, the largest first, a column for each label. */
export function table({ title, description, unit, query, value, columns, width = ROW }: TableOptions) {
  const names = [...Object.keys(columns), 'Value']
  const options = {
    excludeByName: { Time: true },
    indexByName: Object.fromEntries(names.map((name, i) => [name, i])),
    renameByName: { ...columns, Value: value },
  }
  const panel = new TableBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .span(width)
    .height(9)
    .withTarget(target(query, '').instant().format(PromQueryFormat.Table).refId('A'))
    .withTransformation({ id: 'organize', options })
    .overrideByName(value, [{ id: 'unit', value: unit }])
    .sortBy([new TableSortByFieldStateBuilder().displayName(value).desc(true)])
  for (const side of ['source', 'destination']) {
    const [namespace, workload] = [columns[`${side}_namespace`], columns[`${side}_workload`]]
    if (namespace === undefined || workload === undefined) continue
    panel.overrideByName(workload, [{ id: 'links', value: linksOfWorkload(namespace) }])
  }
  return panel
}

/** A click on a workload leads to its drops, traffic and connections. @param namespace head of the column of namespaces */
function linksOfWorkload(namespace: string) {
  const end = `var-namespace=\${__data.fields["${namespace}"]}&var-workload=\${__value.text}`
  return ['drops', 'traffic', 'tcp'].map((name) => ({
    title: `Its ${name}`,
    url: `/d/fovea-${name}?\${__url_time_range}&\${datasource:queryparam}&\${cluster:queryparam}&${end}`,
  }))
}

export interface HeatmapOptions extends PanelText {
  /** Rates of buckets by `le`. */
  query: string
  width?: number
}

/** A histogram over time. */
export function heatmap({ title, description, unit, query, width = ROW / 2 }: HeatmapOptions) {
  return new HeatmapBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .height(8)
    .calculate(false)
    .showLegend()
    .withTarget(target(query, '{{le}}').range().format(PromQueryFormat.Heatmap).refId('A'))
}

/** Markdown. */
export function text(title: string, content: string, height: number, width = ROW) {
  return new TextBuilder().title(title).mode(TextMode.Markdown).content(content).span(width).height(height)
}

/** A dashboard with the time and variables of this one. */
function linkTo(uid: string): DashboardLinkBuilder {
  const url = `/d/${uid}?\${__url_time_range}&\${__all_variables}`
  return new DashboardLinkBuilder('Details').type(DashboardLinkType.Link).url(url)
}

function targets(queries: readonly Query[]): DataqueryBuilder[] {
  return queries.map(([expression, legend], i) =>
    target(expression, legend)
      .range()
      .refId(String.fromCharCode(65 + i)),
  )
}

function target(expression: string, legend: string): DataqueryBuilder {
  return new DataqueryBuilder().expr(expression).legendFormat(legend).datasource(DATASOURCE)
}
