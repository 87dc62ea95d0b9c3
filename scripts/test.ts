/**
 * Runs the tests, level by level: lint, unit, kernel, start, peers, windows, browser.
 *
 *   npm test                 everything; builds the peers meanwhile
 *   npm test -- hubble       files whose path contains the word (several words: any of them); `unit`, `kernel`, … name a level
 *
 * A level whose needs are not met is skipped, by name and with the reason; with CI=true that is a failure.
 * The last line is `N passed, N failed`, with `, N skipped` where something was.
 */
import { spawn } from 'node:child_process'
import { dirname, join, relative } from 'node:path'
import { kernelObstacle, LEVELS, type Level, LIMITS, levelOf } from '../test/support/levels.ts'
import { filesBelow } from './fingerprint.ts'
import { type FileResult, runTestFile } from './test-file.ts'
import { breachesOf } from './test-rules.ts'

const root = dirname(import.meta.dirname)
const inCi = process.env.CI === 'true'
const words = process.argv.slice(2)

const totals = { passed: 0, failed: 0, skipped: 0 }
const failures: FileResult[] = []
const skippedLevels: string[] = []

const allFiles = filesBelow(join(root, 'test'))
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => relative(root, file))
const files = allFiles.filter((file) => words.length === 0 || words.some((word) => matches(file, word)))

process.exitCode = await main()

function matches(file: string, word: string): boolean {
  return LEVELS.some((level) => level === word) ? levelOf(file.slice('test/'.length)) === word : file.includes(word)
}

async function main(): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  if (files.length === 0 && words.length > 0) {
    console.error(`no test file matches ${words.join(' ')}`)
    return 1
  }
  const peers = filesOf('peers').length > 0 ? buildPeers() : undefined
  if (words.length === 0) await lint()
  for (const level of LEVELS) await runLevel(level, level === 'peers' ? await peers : obstacleOf(level))
  report()
  return totals.failed > 0 ? 1 : 0
}

function filesOf(level: Level): string[] {
  return files.filter((file) => levelOf(file.slice('test/'.length)) === level)
}

function obstacleOf(level: Level): string | undefined {
  return level === 'kernel' || level === 'start' ? kernelObstacle() : undefined
}

/** Starts building in the background, at low priority. @returns why the peers could not be built, undefined when they are there */
function buildPeers(): Promise<string | undefined> {
  const script = join(root, 'scripts/build-peers.ts')
  const child = spawn(process.execPath, [script], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  process.once('exit', () => child.kill())
  return new Promise((resolve) => {
    child.on('error', (cause) => resolve(`the peers could not be built: ${cause.message}`))
    child.on('close', (code) => resolve(code === 0 ? undefined : `the peers could not be built (see above)`))
  })
}

async function lint(): Promise<void> {
  const startedMs = Date.now()
  const bin = join(root, 'node_modules')
  await check('biome', [join(bin, '@biomejs/biome/bin/biome'), 'check', '--max-diagnostics=50'])
  await check('tsc', [join(bin, 'typescript/bin/tsc'), '--noEmit'])
  const found = breachesOf(allFiles.map((file) => join(root, file)))
  settle({ file: 'rules of test files', output: found.join('\n') }, found.length === 0)
  heading('lint', startedMs)
}

/** One tool of the lint level, counted as one test. */
function check(file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      output += chunk
    })
    child.on('close', (code) => {
      settle({ file, output }, code === 0)
      resolve()
    })
  })
}

function settle({ file, output }: Pick<FileResult, 'file' | 'output'>, ok: boolean): void {
  count({ file, output, seconds: 0, passed: Number(ok), failed: Number(!ok), skipped: 0 })
}

async function runLevel(level: Level, obstacle: string | undefined): Promise<void> {
  const queue = filesOf(level)
  if (queue.length === 0) return
  if (obstacle !== undefined) return skipLevel(level, queue, obstacle)
  const startedMs = Date.now()
  const { parallel, timeoutMs } = LIMITS[level]
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift())
      count(await runTestFile(file, root, timeoutMs))
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  heading(level, startedMs)
}

function skipLevel(level: Level, queue: readonly string[], reason: string): void {
  console.log(`! SKIPPED level ${level}, ${queue.length} files: ${reason}`)
  skippedLevels.push(`${level} (${queue.length} files): ${reason}`)
  if (inCi) totals.failed += queue.length
  else totals.skipped += queue.length
}

function count(result: FileResult): void {
  const { file, passed, failed, skipped, seconds, problem } = result
  totals.passed += passed
  totals.failed += failed + (inCi ? skipped : 0)
  totals.skipped += inCi ? 0 : skipped
  const mark = failed > 0 ? '✘' : skipped > 0 ? '!' : '✔'
  const rest = [failed && `${failed} FAILED`, skipped && `${skipped} SKIPPED`, problem].filter(Boolean).join(', ')
  console.log(`${mark} ${file}  ${passed} passed${rest && `, ${rest}`}  (${seconds.toFixed(1)} s)`)
  if (failed > 0 || (inCi && skipped > 0)) failures.push(result)
}

function heading(level: string, startedMs: number): void {
  console.log(`── ${level}: ${((Date.now() - startedMs) / 1000).toFixed(1)} s\n`)
}

function report(): void {
  for (const { file, problem, output } of failures)
    console.log(`\n══ ${file}${problem ? `: ${problem}` : ''}\n${output.trimEnd()}`)
  for (const line of skippedLevels) console.log(`\n! SKIPPED ${line}`)
  const skipped = inCi ? '' : `, ${totals.skipped} skipped`
  console.log(`\n${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? skipped : ''}`)
}
