import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from './checkout.ts'

/** A query, and where it stands. */
export interface PlacedQuery {
  /** `fovea-dns: Failed`, `rule FoveaDnsSlow`, … */
  place: string
  expression: string
  /** Labels that its legend or columns show. */
  shown: readonly string[]
}

interface PanelJson {
  id: number
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  title: string
  description?: string
  targets?: { expr: string; legendFormat?: string }[]
  transformations?: { options: { renameByName: Record<string, string> } }[]
}

export interface DashboardJson {
  uid: string
  panels: PanelJson[]
  templating: { list: { type: string; name: string; query: string }[] }
}

export interface RuleJson {
  alert?: string
  record?: string
  expr: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

const FOLDER = join(root, 'helm/fovea')

/** The dashboards as they ship. */
export function shippedDashboards(): DashboardJson[] {
  const folder = join(FOLDER, 'dashboards')
  return readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
}

/** Paths of the files of rules. */
export function ruleFiles(): string[] {
  return readdirSync(join(FOLDER, 'rules')).map((name) => join(FOLDER, 'rules', name))
}

/** All rules that ship. */
export function shippedRules(): RuleJson[] {
  return ruleFiles().flatMap((file) =>
    (parse(readFileSync(file, 'utf8')) as { groups: { rules: RuleJson[] }[] }).groups.flatMap(({ rules }) => rules),
  )
}

/** Every query of every panel. */
export function panelQueries(): PlacedQuery[] {
  return shippedDashboards().flatMap(({ uid, panels }) =>
    panels.flatMap(({ title, targets = [], transformations = [] }) =>
      targets.map(({ expr, legendFormat = '' }) => ({
        place: `${uid}: ${title}`,
        expression: expr,
        shown: [...legendLabels(legendFormat), ...columnLabels(transformations)],
      })),
    ),
  )
}

/** What variables ask for, as queries that give one series for each value. */
export function variableQueries(): PlacedQuery[] {
  return shippedDashboards().flatMap(({ uid, templating }) =>
    templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => {
        const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? []
        if (selector === undefined || label === undefined) throw new Error(`${uid}: variable ${name}: ${query}`)
        return { place: `${uid}: $${name}`, expression: `count by (${label}) (${selector})`, shown: [label] }
      }),
  )
}

/** Rules; comparisons give 0 and 1 instead of leaving out what is well. */
export function ruleQueries(): PlacedQuery[] {
  return shippedRules().map(({ alert, record, expr }) => ({
    place: `rule ${alert ?? record}`,
    expression: expr.replaceAll(/ (>=|<=|>|<|==|!=) (?!bool)/g, ' $1 bool '),
    shown: [],
  }))
}

/** Queries in the runbooks: a line each, in blocks of text. */
export function runbookQueries(): string[] {
  const folder = join(root, 'docs/runbooks')
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  return texts
    .flatMap((text) => [...text.matchAll(/^```text\n([^`]+)```$/gm)])
    .flatMap(([, lines = '']) => lines.trim().split('\n'))
}

function legendLabels(legend: string): string[] {
  return [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
}

function columnLabels(transformations: PanelJson['transformations']): string[] {
  const columns = (transformations ?? []).flatMap(({ options }) => Object.keys(options.renameByName))
  return columns.filter((name) => name !== 'Value')
}
