import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { say } from './step.mjs'

const RETRY_MS = 100
/** Waiting this long is worth a line. */
const PATIENCE_MS = 3_000

/** Runs `work` while no other process holds `file`: `npm start` and `npm test` may be called at once in one checkout. */
export async function withLock<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  mkdirSync(dirname(file), { recursive: true })
  const sayAtMs = Date.now() + PATIENCE_MS
  for (let said = false; !tryLock(file); said ||= Date.now() > sayAtMs) {
    if (!said && Date.now() > sayAtMs) say(`▸ waiting for another process (its number is in ${file})`)
    await sleep(RETRY_MS)
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function tryLock(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause
    if (!isHeld(file)) breakLock(file)
    return false
  }
}

/** Takes the lock of a killed process away; one that another process took in the meantime is given back. */
function breakLock(file: string): void {
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
    if (isHeld(aside)) linkSync(aside, file)
    rmSync(aside)
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw cause // another process was faster
  }
}

/** Whether the process whose number the file holds lives. A file without a number is one that its owner is just writing. */
function isHeld(file: string): boolean {
  try {
    const owner = Number(readFileSync(file, 'utf8'))
    if (owner > 0) process.kill(owner, 0)
    return true
  } catch (cause) {
    return codeOf(cause) === 'EPERM'
  }
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined
}
