import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isStale } from '../../scripts/node-modules.mjs'

const A = 'node_modules/a'
const one = { [A]: { version: '1.0.0' } }

const cases = [
  { name: 'as locked', locked: one, installed: one, stale: false },
  { name: 'another version', locked: one, installed: { [A]: { version: '2.0.0' } }, stale: true },
  { name: 'a package is missing', locked: one, installed: {}, stale: true },
  {
    name: 'an optional package for another platform is missing',
    locked: { [A]: { version: '1.0.0', optional: true } },
    installed: {},
    stale: false,
  },
  { name: 'nothing was ever installed', locked: one, installed: undefined, stale: true },
]

const staleness = suite('isStale')
for (const { name, locked, installed, stale } of cases)
  staleness(`${name}: ${stale ? 'stale' : 'fresh'}`, () => {
    const root = mkdtempSync(join(tmpdir(), 'fovea-stale-'))
    try {
      writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...locked } }))
      mkdirSync(join(root, 'node_modules'))
      if (installed !== undefined)
        writeFileSync(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: installed }))
      assert.is(isStale(root), stale)
    } finally {
      rmSync(root, { recursive: true })
    }
  })
staleness.run()
