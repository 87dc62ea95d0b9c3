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

process.exitCode = await main()

/** The lock is taken only when there is something to do: a checkout that is up to date may be read-only. */
async function main(): Promise<number> {
  if (process.platform === 'linux') await tryNative()
  else say(`! no addon for ${process.platform}: live capture needs Linux`)
  try {
    if (!isJavaScriptCurrent()) await withLock(join(root, 'build/.lock'), buildJavaScript)
    return 0
  } catch (cause) {
    say(`! ${messageOf(cause)}`)
    return 1
  }
}

async function tryNative(): Promise<void> {
  try {
    if (!isNativeCurrent()) await withLock(join(root, 'build/.lock'), buildNative)
  } catch (cause) {
    say(`! the addon and the eBPF programs could not be built, so live capture is off: ${messageOf(cause)}`)
  }
}

/** Asks ninja by a dry run, which takes some milliseconds. */
function isNativeCurrent(): boolean {
  const plan = spawnSync('ninja', ['-C', build, '-n'], { encoding: 'utf8' })
  return plan.status === 0 && plan.stdout.includes('no work to do')
}

async function buildNative(): Promise<void> {
  if (isNativeCurrent()) return
  const cache = join(build, 'CMakeCache.txt')
  if (existsSync(cache) && !readFileSync(cache, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${native}\n`)) {
    rmSync(join(build, 'CMakeFiles'), { recursive: true, force: true }) // the checkout was moved or copied
    rmSync(cache)
  }
  if (!existsSync(cache)) {
    const args = ['-S', native, '-B', build, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=RelWithDebInfo']
    await step('configuring the native build (cmake)', 'cmake', args)
  }
  await step('building the eBPF programs and the addon (cmake)', 'cmake', ['--build', build])
}

function sources(): string[] {
  return ['src', 'native', 'test/bench', 'test/support'].flatMap((folder) => filesBelow(join(root, folder)))
}

function sourcesFingerprint(): string {
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((file) => join(root, file))
  return fingerprint([...sources(), ...settings])
}

function isJavaScriptCurrent(): boolean {
  const note = join(dist, '.fingerprint')
  return existsSync(note) && readFileSync(note, 'utf8') === sourcesFingerprint()
}

/** The new tree replaces the old one whole, so nothing of a deleted source stays behind. */
async function buildJavaScript(): Promise<void> {
  if (isJavaScriptCurrent()) return
  const now = sourcesFingerprint()
  const next = `${dist}.next`
  rmSync(next, { recursive: true, force: true })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', next]
  await step('compiling TypeScript into dist/ (tsc)', process.execPath, args, { cwd: root })
  for (const file of sources()) if (file.endsWith('.proto')) copyInto(next, file)
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
