// @ts-check
/**
 * Makes the checkout ready to run: OS packages, node_modules, then (with the Node that came with node_modules) the build.
 * Runs before `npm start`, `npm test` and `npm run fovea` with whatever Node 18 or later the machine has; takes a fraction of a
 * second and prints nothing when all is in place.
 *
 *   node scripts/setup.mjs           what running needs
 *   node scripts/setup.mjs --test    and what the tests need
 *   node scripts/setup.mjs --image   inside an image build: OS packages are the image's business
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE_FOR_SETUP = 18
const OLDEST_NODE = [22, 18]

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`fovea cannot be set up: ${message}\n`)
  process.exit(1)
}

/** Node as locked in package-lock.json, or the machine's own where there is none for the platform. */
function projectNode() {
  const locked = join(root, 'node_modules/.bin/node')
  if (existsSync(locked) && spawnSync(locked, ['--version']).status === 0) return locked
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return process.execPath
  return fail(
    `npm has no Node for ${process.platform}-${process.arch} that runs here, and this one is ${process.version}: install Node ${OLDEST_NODE.join('.')} or later`,
  )
}

const [nodeMajor = 0] = process.versions.node.split('.').map(Number)
if (nodeMajor < OLDEST_NODE_FOR_SETUP)
  fail(
    `Node ${process.version} is too old: install Node ${OLDEST_NODE_FOR_SETUP} or later (Debian 12: apt install nodejs npm)`,
  )

// Imported late: an older Node fails on their syntax before the message above is said.
const { installMissing } = await import('./os-packages.mjs')
const { installModules } = await import('./node-modules.mjs')

try {
  const forTests = process.argv.includes('--test')
  if (!process.argv.includes('--image')) await installMissing(forTests ? ['build', 'test'] : ['build'])
  await installModules(root)
} catch (cause) {
  fail(cause instanceof Error ? cause.message : String(cause))
}
const { status } = spawnSync(projectNode(), [join(root, 'scripts/build.ts')], { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
