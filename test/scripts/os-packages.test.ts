import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/checkout.ts'

const packages = suite('installMissing')
const empty = mkdtempSync(join(tmpdir(), 'fovea-empty-path-'))
packages.after(() => rmSync(empty, { recursive: true }))

/** Runs it with a PATH that holds no program, so that neither a compiler nor apt-get is found. */
function install(purpose: string): string {
  const script = `import { installMissing } from './scripts/os-packages.mjs'; await installMissing(['${purpose}'])`
  const args = ['--input-type=module', '-e', script]
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: { PATH: empty } }).stderr
}

packages('says what is missing, what it is for and what to install where there is no apt', () => {
  const said = install('build')
  assert.match(said, '! missing from this machine:')
  assert.match(said, /clang +compiles the eBPF programs/)
  assert.match(said, /Install what your distribution calls: clang .*cmake/)
})
packages('runs the command of a need that is neither program nor header', () => {
  assert.match(install('go'), /python3-venv +installs Go from PyPI/)
})
packages.run()
