/**
 * Builds the addon and the eBPF objects into build/ (CMake) and the JavaScript into dist/ (tsc). Does nothing, silently, when
 * both are up to date. Where the addon cannot be built it says so and goes on: everything but live capture works without it.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesBelow, fingerprint } from './fingerprint.ts'
import { withLock } from './lock.ts'
import { say, step } from './step.mjs'

const root = dirname(import.meta.dirname)
const native = join(root, 'native')
const build = join(root, 'build')
const dist = join(root, 'dist')

process.exitCode = await withLock(join(build, '.lock'), buildAll)

async function buildAll(): Promise<number> {
  if (process.platform === 'linux') await tryNative()
  else say(`! no addon for ${process.platform}: live capture needs Linux`)
  try {
    await buildJavaScript()
    return 0
  } catch (cause) {
    say(`! ${messageOf(cause)}`)
    return 1
  }
}

async function tryNative(): Promise<void> {
  try {
    await buildNative()
  } catch (cause) {
    say(`! the addon and the eBPF programs could not be built, so live capture is off: ${messageOf(cause)}`)
  }
}

async function buildNative(): Promise<void> {
  const cache = join(build, 'CMakeCache.txt')
  if (existsSync(cache) && !readFileSync(cache, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${native}\n`)) {
    rmSync(join(build, 'CMakeFiles'), { recursive: true, force: true }) // the checkout was moved or copied
    rmSync(cache)
  }
  if (!existsSync(join(build, 'build.ninja'))) {
    const args = ['-S', native, '-B', build, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=RelWithDebInfo']
    await step('configuring the native build (cmake)', 'cmake', args)
  }
  // A dry run takes a few milliseconds and tells whether there is anything to announce.
  const plan = spawnSync('ninja', ['-C', build, '-n'], { encoding: 'utf8' })
  if (plan.status === 0 && plan.stdout.includes('no work to do')) return
  await step('building the eBPF programs and the addon (cmake)', 'cmake', ['--build', build])
}

/** The new tree replaces the old one whole, so nothing of a deleted source stays behind. */
async function buildJavaScript(): Promise<void> {
  const sources = ['src', 'native', 'test/bench', 'test/support'].flatMap((folder) => filesBelow(join(root, folder)))
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((file) => join(root, file))
  const now = fingerprint([...sources, ...settings])
  const note = join(dist, '.fingerprint')
  if (existsSync(note) && readFileSync(note, 'utf8') === now) return

  const next = `${dist}.next`
  rmSync(next, { recursive: true, force: true })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  await step(
    'compiling TypeScript into dist/ (tsc)',
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json', '--outDir', next],
    {
      cwd: root,
    },
  )
  for (const file of sources) if (file.endsWith('.proto')) copyInto(next, file)
  writeFileSync(join(next, '.fingerprint'), now)
  const old = `${dist}.old`
  rmSync(old, { recursive: true, force: true })
  if (existsSync(dist)) renameSync(dist, old)
  renameSync(next, dist)
  rmSync(old, { recursive: true, force: true })
}

function copyInto(target: string, file: string): void {
  const copy = join(target, file.slice(root.length + 1))
  mkdirSync(dirname(copy), { recursive: true })
  copyFileSync(file, copy)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
