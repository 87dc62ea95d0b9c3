/**
 * Builds the addon and the eBPF objects into build/ (CMake) and the JavaScript into dist/ (tsc). Does nothing, silently, when
 * both are up to date. Where the addon cannot be built it says so and goes on: everything but live capture works without it.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesBelow, fingerprint } from './fingerprint.ts'
import { withLock } from './lock.ts'
import { say, step } from './step.mjs'

const root = dirname(import.meta.dirname)
const native = join(root, 'native')
const build = join(root, 'build')
const dist = join(root, 'dist')

/** A part of the build: it is current while the note beside its output holds the fingerprint of what it is made of. */
interface Part {
  readonly folders: readonly string[]
  readonly files: readonly string[]
  readonly note: string
}

const NATIVE: Part = {
  folders: ['native', 'bpf'],
  // The last one changes when libbpf is upgraded.
  files: ['package-lock.json', '/usr/include/bpf/libbpf_version.h'],
  note: join(build, '.fingerprint'),
}

const JAVASCRIPT: Part = {
  folders: ['src', 'native', 'test/bench', 'test/support'],
  files: ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
  note: join(dist, '.fingerprint'),
}

process.exitCode = await main()

async function main(): Promise<number> {
  if (process.platform === 'linux') await tryNative()
  else say(`! no addon for ${process.platform}: live capture needs Linux`)
  try {
    await refresh(JAVASCRIPT, buildJavaScript)
    return 0
  } catch (cause) {
    say(`! ${messageOf(cause)}`)
    return 1
  }
}

async function tryNative(): Promise<void> {
  try {
    await refresh(NATIVE, buildNative)
  } catch (cause) {
    say(`! not all of the addon and the eBPF programs could be built; live capture lacks the rest: ${messageOf(cause)}`)
  }
}

/** The lock is taken only when there is something to do: a checkout that is up to date may be read-only. */
async function refresh(part: Part, work: () => Promise<void>): Promise<void> {
  if (isCurrent(part)) return
  await withLock(join(build, '.lock'), async () => {
    if (isCurrent(part)) return // another process has just built it
    const now = partFingerprint(part)
    await work()
    writeFileSync(part.note, now)
  })
}

function isCurrent(part: Part): boolean {
  return existsSync(part.note) && readFileSync(part.note, 'utf8') === partFingerprint(part)
}

function partFingerprint({ folders, files }: Part): string {
  const existing = files.map((file) => join(file.startsWith('/') ? '' : root, file)).filter((file) => existsSync(file))
  return fingerprint([...folders.flatMap((folder) => filesBelow(join(root, folder))), ...existing])
}

async function buildNative(): Promise<void> {
  const cache = join(build, 'CMakeCache.txt')
  if (existsSync(cache) && !readFileSync(cache, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${native}\n`)) {
    rmSync(join(build, 'CMakeFiles'), { recursive: true, force: true }) // the checkout was moved or copied
    rmSync(cache)
  }
  if (!existsSync(cache) || !existsSync(join(build, 'build.ninja'))) {
    const args = ['-S', native, '-B', build, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=RelWithDebInfo']
    if (process.env.CI === 'true') args.push('-DFOVEA_WARNINGS_ARE_ERRORS=ON')
    await step('configuring the native build (cmake)', 'cmake', args)
  }
  // -k 0: one program that cannot be built must not keep the others from being built.
  await step('building the eBPF programs and the addon (cmake)', 'cmake', ['--build', build, '--', '-k', '0'])
}

/** The new tree replaces the old one whole, so nothing of a deleted source stays behind. */
async function buildJavaScript(): Promise<void> {
  const next = `${dist}.next`
  const old = `${dist}.old`
  rmSync(next, { recursive: true, force: true })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', next]
  await step('compiling TypeScript into dist/ (tsc)', process.execPath, args, { cwd: root })
  for (const file of filesBelow(join(root, 'src'))) if (file.endsWith('.proto')) copyInto(next, file)
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
