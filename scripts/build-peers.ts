/**
 * Builds the programs of others that tests run against, from the Go modules frozen in test/peers/build, into $FOVEA_PEERS (by default
 * ~/.cache/fovea/peers). A program whose recipe has not changed is not built again; Go's own build cache is used as it is.
 *
 *   node scripts/build-peers.ts             all
 *   node scripts/build-peers.ts hubble …    only these
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { havePeers, peersFolder } from '../test/support/peers.ts'
import { filesBelow } from './fingerprint.ts'
import { goToolchain } from './go-toolchain.ts'
import { withLock } from './lock.ts'
import { PEER_PROGRAMS, type PeerProgram, requiredVersion } from './peer-programs.ts'
import { say, step } from './step.mjs'

const modules = join(dirname(import.meta.dirname), 'test/peers/build')

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => PEER_PROGRAMS.every((program) => program.name !== name))
const programs = PEER_PROGRAMS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))

try {
  if (unknown.length > 0)
    throw new Error(`no peer ${unknown.join(', ')}; there are ${PEER_PROGRAMS.map(({ name }) => name).join(', ')}`)
  await withLock(join(peersFolder, '.lock'), buildStale)
} catch (cause) {
  say(`! peers: ${cause instanceof Error ? cause.message : cause}`)
  process.exitCode = 1
}

async function buildStale(): Promise<void> {
  mkdirSync(peersFolder, { recursive: true })
  const stale = programs.filter((program) => !isCurrent(program))
  if (stale.length === 0) return
  const go = await goToolchain()
  for (const [i, program] of stale.entries()) await build(go, program, `${i + 1} of ${stale.length}`)
}

async function build(go: string, program: PeerProgram, place: string): Promise<void> {
  const { name, module, tags = '' } = program
  const output = join(peersFolder, name)
  const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-tags', tags, '-ldflags', ldflags(program)]
  const nice = ['-n', '5', go, ...args, '-o', `${output}.new`, program.package]
  await step(`building ${name} ${version(program)}, peer ${place} (go build)`, 'nice', nice, {
    cwd: join(modules, module),
    env: { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' },
  })
  renameSync(`${output}.new`, output)
  writeFileSync(`${output}.recipe`, recipe(program))
}

function isCurrent(program: PeerProgram): boolean {
  const note = join(peersFolder, `${program.name}.recipe`)
  return havePeers(program.name) && existsSync(note) && readFileSync(note, 'utf8') === recipe(program)
}

/** One hash over all that a program is made of. */
function recipe(program: PeerProgram): string {
  const hash = createHash('sha256')
  for (const file of filesBelow(join(modules, program.module))) hash.update(readFileSync(file))
  hash.update(JSON.stringify([program.package, program.tags, ldflags(program)]))
  return hash.digest('hex')
}

function version({ module, versionOf }: PeerProgram): string {
  return requiredVersion(join(modules, module), versionOf)
}

function ldflags(program: PeerProgram): string {
  return `-s -w ${program.ldflags?.(version(program)) ?? ''}`.trimEnd()
}
