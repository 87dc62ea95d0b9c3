import { spawn } from 'node:child_process'

/** What one test file did. `problem` is set when it failed in a way that no test of it shows. */
export interface FileResult {
  file: string
  passed: number
  failed: number
  skipped: number
  seconds: number
  output: string
  problem?: string
}

/** The last line of uvu's summary. */
const SUMMARY_END = /^ {2}Duration: {2}/m

/** After this much output a file's text is cut: a test gone wild must not fill memory. */
const OUTPUT_LIMIT = 4 * 1024 * 1024

/** How long a file may take to end after its summary: a test that leaves a server open must not cost its whole time. */
const END_TIMEOUT_MS = 15_000

/**
 * Runs one test file as a process of its own, and ends the whole process group when it takes too long.
 * @param file path relative to `cwd`
 */
export function runTestFile(file: string, cwd: string, timeoutMs: number): Promise<FileResult> {
  const startedMs = Date.now()
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let problem: string | undefined
    const end = () => killGroup(child.pid)
    const giveUp = (reason: string) => () => {
      problem = reason
      end()
    }
    const timers = [setTimeout(giveUp(`did not end within ${timeoutMs / 1000} s`), timeoutMs)]
    const take = (chunk: Buffer) => {
      if (output.length < OUTPUT_LIMIT) output += chunk
      if (timers.length === 1 && SUMMARY_END.test(output.slice(-200)))
        timers.push(setTimeout(giveUp('did not end after its tests: something was left open'), END_TIMEOUT_MS))
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    process.once('exit', end)
    child.on('close', (code, signal) => {
      for (const timer of timers) clearTimeout(timer)
      process.off('exit', end)
      end() // what the test left running
      if (signal !== null) problem ??= `killed by ${signal}`
      resolve({ file, output, seconds: (Date.now() - startedMs) / 1000, ...judge(output, code, problem) })
    })
  })
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // the group has ended: nothing to do
  }
}

type Verdict = Pick<FileResult, 'passed' | 'failed' | 'skipped' | 'problem'>

/** Reads uvu's summary. A file whose exit code and summary disagree has one failure more than it says. */
export function judge(output: string, exitCode: number | null, problem?: string): Verdict {
  const total = summaryNumber(output, 'Total')
  const passed = summaryNumber(output, 'Passed') ?? 0
  const skipped = summaryNumber(output, 'Skipped') ?? 0
  if (problem !== undefined) return { passed, skipped, failed: Math.max(1, (total ?? 0) - passed), problem }
  if (total === undefined || total + skipped === 0)
    return { passed, skipped, failed: 1, problem: `ran no test (exit code ${exitCode})` }
  const failed = total - passed
  if (failed === 0 && exitCode !== 0)
    return { passed, skipped, failed: 1, problem: `all tests passed, yet it ended with exit code ${exitCode}` }
  return { passed, skipped, failed }
}

function summaryNumber(output: string, label: string): number | undefined {
  const found = output.match(new RegExp(`^  ${label}: +(\\d+)`, 'gm'))?.at(-1)
  return found === undefined ? undefined : Number(/\d+$/.exec(found)?.[0])
}
