// @ts-check
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { step } from './step.mjs'

/**
 * @typedef {{version?: string, optional?: boolean}} LockedPackage
 * @typedef {Record<string, LockedPackage>} LockedPackages path below the project → what is locked there
 */

/**
 * Makes node_modules what package-lock.json says. No dependency needs its install script, so none is run. Not `npm ci`: that refuses
 * a lock file from which a registry left out optional packages for other platforms.
 * @param {string} root the checkout
 */
export async function installModules(root) {
  if (isStale(root)) await install(root)
  linkNode(root)
}

/** @param {string} root */
async function install(root) {
  const args = [
    'install',
    '--no-save',
    '--include=dev',
    '--include=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  await step('installing the packages of package-lock.json (npm install)', 'npm', args, {
    cwd: root,
    shell: process.platform === 'win32',
  })
}

/**
 * npm 9 removes node_modules/.bin/node again: it takes the links of the package for the other processor away, which has the same name.
 * @param {string} root
 */
function linkNode(root) {
  const target = `node-${process.platform}-${process.arch}/bin/node`
  const link = join(root, 'node_modules/.bin/node')
  if (existsSync(join(root, 'node_modules', target)) && !existsSync(link)) symlinkSync(`../${target}`, link)
}

/** Compares what npm noted about node_modules with the lock file: times of files say nothing after a checkout. @param {string} root */
export function isStale(root) {
  const note = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(note)) return true
  const installed = packagesOf(note)
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).some(([path, locked]) => {
    if (path === '') return false
    const found = installed[path]
    return found === undefined ? !locked.optional : found.version !== locked.version
  })
}

/** @param {string} file @returns {LockedPackages} */
function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages
}
