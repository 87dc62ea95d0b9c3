import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ALERT_CASES, type Input } from '../support/alert-cases.ts'
import { root } from '../support/checkout.ts'
import { ruleFiles, shippedRules } from '../support/dashboard-queries.ts'
import { peer } from '../support/peers.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** The rules that ship, with promtool: right, and each alert fires when it should and only then. */
const test = suite('alert rules')

const folder = new TemporaryFolder()
const alerts = shippedRules().filter(({ alert }) => alert !== undefined)

/** Late enough for every `for`. */
const LATE = '45m'

test.after(() => folder.remove())

/** What promtool says, `''` when it is content. */
function promtool(...args: readonly string[]): string {
  try {
    execFileSync(peer('promtool'), args, { stdio: 'pipe' })
    return ''
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer }
    return `${stdout}${stderr}`
  }
}

/** One test of promtool: whether an alert fires at a time. JSON is YAML. */
function firing(alert: string, inputs: readonly Input[], at: string, times: number) {
  return {
    name: `${alert} at ${at}`,
    interval: '1m',
    input_series: inputs.map(([series, values]) => ({ series, values })),
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
        eval_time: at,
        exp_samples: times === 0 ? [] : [{ labels: '{}', value: times }],
      },
    ],
  }
}

/** Runs tests of promtool. */
function run(tests: readonly object[]): string {
  const path = folder.at('tests.yaml')
  writeFileSync(path, JSON.stringify({ rule_files: ruleFiles(), evaluation_interval: '1m', tests }))
  return promtool('test', 'rules', path)
}

test('promtool finds nothing wrong', () => {
  assert.is(promtool('check', 'rules', '--lint=all', '--lint-fatal', ...ruleFiles()), '')
})

test('the scrape configuration of the handbook is right', () => {
  const text = readFileSync(join(root, 'docs/dashboards.md'), 'utf8')
  const [, config = ''] = /^```text\n(scrape_configs:[^`]+)```$/m.exec(text) ?? []
  const path = folder.at('prometheus.yaml')
  writeFileSync(path, config)
  assert.match(config, /job_name/)
  assert.is(promtool('check', 'config', '--syntax-only', path), '')
})

test('every alert has a case', () => {
  assert.equal(Object.keys(ALERT_CASES).sort(), alerts.map(({ alert = '' }) => alert).sort())
})

test('alerts fire, once for each thing that is wrong', () => {
  assert.is(run(Object.entries(ALERT_CASES).map(([alert, { fires }]) => firing(alert, fires, LATE, 1))), '')
})

test('alerts do not fire below their thresholds', () => {
  assert.is(run(Object.entries(ALERT_CASES).map(([alert, { quiet }]) => firing(alert, quiet, LATE, 0))), '')
})

test('alerts do not fire before their time', () => {
  const slow = alerts.filter((rule) => (rule as { for?: string }).for !== '0m').map(({ alert = '' }) => alert)
  assert.ok(slow.length > 20)
  const tests = slow.map((alert) => firing(alert, ALERT_CASES[alert]?.fires ?? [], '4m', 0))
  assert.is(run(tests), '')
})

test('the texts of an alert name who it is about', () => {
  const [rule] = alerts.filter(({ alert }) => alert === 'FoveaPolicyDrops')
  const labels = {
    severity: 'warning',
    cluster: 'east',
    reason: 'NETFILTER_DROP',
    source_namespace: 'shop',
    source_workload: 'report',
    destination_namespace: 'store',
    destination_workload: 'cart',
  }
  const texts = {
    summary: 'A rule drops packets from shop/report to store/cart',
    description:
      '2 packets/s have been dropped for 10 minutes, reason NETFILTER_DROP: a network policy or a firewall rule.',
    runbook_url: 'docs/runbooks/FoveaPolicyDrops.md',
  }
  const inputs = ALERT_CASES.FoveaPolicyDrops?.fires ?? []
  const { promql_expr_test: _, ...rest } = firing('FoveaPolicyDrops', inputs, LATE, 1)
  const expected = {
    alertname: rule?.alert,
    eval_time: LATE,
    exp_alerts: [{ exp_labels: labels, exp_annotations: texts }],
  }
  assert.is(run([{ ...rest, alert_rule_test: [expected] }]), '')
})

test.run()
