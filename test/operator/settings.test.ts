import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkOperatorSettings, operatorDefaults } from '../../src/operator/settings.ts'
import { root } from '../support/checkout.ts'
import { fovea } from '../support/fovea-process.ts'

const settings = suite('operator settings')

settings('the defaults are good', () => {
  assert.equal(checkOperatorSettings(operatorDefaults()), [])
})

const faults = [
  { set: { leaseDurationMs: 5_000 }, problem: '--renew-deadline must be shorter than --lease-duration' },
  { set: { retryPeriodMs: 10_000 }, problem: '--retry-period must be shorter than --renew-deadline' },
  { set: { qps: 0 }, problem: '--qps must be above 0' },
  { set: { gcIntervalMs: 0 }, problem: '--gc-interval must be above 0' },
  { set: { gcGraceMs: -1 }, problem: '--gc-grace must not be below 0' },
  { set: { labels: ['k8s:('] }, problem: '--labels: label expression "k8s:(": Invalid regular expression' },
  { set: { clusterName: 'A b' }, problem: '--cluster-name must be of' },
]
for (const { set, problem } of faults)
  settings(`${JSON.stringify(set)} is refused`, () => {
    assert.match(checkOperatorSettings({ ...operatorDefaults(), ...set }).join('\n'), problem)
  })

settings('every flag with its default stands in the README', async () => {
  const readme = readFileSync(join(root, 'src/operator/README.md'), 'utf8')
  const written = [...readme.matchAll(/^\| `(--[a-z-]+)` +\| ([^|]*?) +\|/gm)].map(
    ([, flag, value]) => `${flag} ${value}`,
  )
  const { stdout } = await fovea(['operator', '--help'])
  const shown = [...stdout.replace(/\n {10,}/g, ' ').matchAll(/^ {2}(--[a-z-]+) (?:<[^>]*>|\[[^\]]*\])(.*)$/gm)].map(
    ([, flag, doc = '']) => {
      const value = /\(default: ([^;]*); \$FOVEA_OPERATOR_\w+\)$/.exec(doc)?.[1]
      return `${flag} ${value === undefined ? '–' : `\`${value}\``}`
    },
  )
  assert.ok(shown.length > 20)
  assert.equal(written, shown)
})

settings('flags come from the environment too, and a bad one is named', async () => {
  const { status, stderr } = await fovea(['operator'], { FOVEA_OPERATOR_GC_GRACE: 'soon' })
  assert.is(status, 1)
  assert.match(stderr, /"soon" is no duration such as 15s or 5m/)
})

settings('without a cluster it says where it looked', async () => {
  const { status, stderr } = await fovea(['operator', '--kubeconfig', '/nowhere'])
  assert.is(status, 1)
  assert.match(stderr, /Error: kubeconfig \/nowhere: ENOENT/)
})

settings.run()
