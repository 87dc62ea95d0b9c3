import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DASHBOARDS, dashboardFiles } from '../../scripts/dashboards/all.ts'
import { root } from '../support/checkout.ts'
import { shippedDashboards, shippedRules } from '../support/dashboard-queries.ts'

const test = suite('dashboards and rules that ship')

const FOLDER = join(root, 'helm/fovea/dashboards')
const RUNBOOKS = join(root, 'docs/runbooks')
const dashboards = shippedDashboards()
const alerts = shippedRules().filter(({ alert }) => alert !== undefined)

test('the dashboards are those that scripts/gen-dashboards.ts writes', () => {
  const files = dashboardFiles()
  assert.equal(readdirSync(FOLDER).sort(), [...files.keys()].sort())
  for (const [name, text] of files) assert.is(readFileSync(join(FOLDER, name), 'utf8'), text, name)
})

test('every panel says what to do, has a place of its own and a unit', () => {
  for (const { uid, panels } of dashboards) {
    const taken = new Map<string, string>()
    const charts = panels.filter(({ type }) => type !== 'row')
    assert.ok(charts.length >= 8, uid)
    for (const panel of charts) {
      const name = `${uid}: ${panel.title}`
      for (const cell of cells(panel.gridPos)) {
        assert.is(taken.get(cell), undefined, `${name} lies upon ${taken.get(cell)}`)
        taken.set(cell, name)
      }
      if (panel.type === 'text') continue
      assert.ok((panel.description ?? '').length > 20, name)
      assert.match(JSON.stringify(panel), /"unit":"\w+"|"id":"unit"/, name)
    }
    assert.is(new Set(panels.map(({ id }) => id)).size, panels.length, `${uid}: ids of panels`)
  }
})

test('links between dashboards lead to one', () => {
  const uids = new Set(DASHBOARDS.map(({ uid }) => uid))
  const links = dashboards.flatMap((board) => [...JSON.stringify(board).matchAll(/"\/d\/([\w-]+)\?/g)])
  assert.ok(links.length > 0)
  for (const [, uid] of links) assert.ok(uids.has(uid), uid)
})

test('every variable that a query uses is one of its dashboard', () => {
  for (const { uid, panels, templating } of dashboards) {
    const known = new Set(templating.list.map(({ name }) => name))
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    const used = queries.flatMap((expr) => [...expr.matchAll(/=~?"\$(\w+)"/g)].map(([, name = '']) => name))
    assert.ok(used.length > 0, uid)
    for (const name of used) assert.ok(known.has(name), `${uid}: $${name}`)
  }
})

test('every alert has a severity, texts and a runbook, and every runbook an alert', () => {
  for (const { alert, labels = {}, annotations = {} } of alerts) {
    assert.match(labels.severity ?? '', /^(?:warning|critical)$/, alert)
    assert.ok((annotations.summary ?? '') !== '' && (annotations.description ?? '') !== '', alert)
    assert.is(annotations.runbook_url, `docs/runbooks/${alert}.md`)
    assert.ok(existsSync(join(root, annotations.runbook_url ?? '')), alert)
  }
  const names = alerts.map(({ alert }) => `${alert}.md`)
  assert.equal(readdirSync(RUNBOOKS).sort(), ['README.md', ...names].sort())
})

test('the list of runbooks has every alert with its severity', () => {
  const list = readFileSync(join(RUNBOOKS, 'README.md'), 'utf8')
  for (const { alert, labels } of alerts)
    assert.ok(list.includes(`[${alert}](${alert}.md) | ${labels?.severity} |`), alert)
})

test('every runbook says what it means, how to look and what to do', () => {
  for (const { alert } of alerts) {
    const text = readFileSync(join(RUNBOOKS, `${alert}.md`), 'utf8')
    const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading)
    assert.equal(headings, [alert, 'What it means', 'Look', 'Do'], alert)
  }
})

/** The grid's cells that a panel covers. */
function cells({ x, y, w, h }: { x: number; y: number; w: number; h: number }): string[] {
  return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`)
}

test.run()
