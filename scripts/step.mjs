// @ts-check
import { spawn } from 'node:child_process'

/** How long a step may be silent before it says that it is still at work. */
const HEARTBEAT_MS = 5_000

/** Writes one line for the user. All of it goes to stderr: stdout belongs to the command that runs after the set-up. @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/**
 * Runs a long command quietly: one line when it starts, a sign of life every few seconds, its whole output when it fails.
 * @param {string} title what it does, for the user
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<string>} its output; rejects with the output in the message
 */
export async function step(title, command, args, options = {}) {
  say(`▸ ${title}`)
  const startedMs = Date.now()
  const output = await watch(command, args, options, (lastLine) => {
    const seconds = Math.round((Date.now() - startedMs) / 1000)
    say(`  … ${seconds} s  ${lastLine.slice(0, 100)}`)
  })
  return output
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @param {(lastLine: string) => void} alive
 * @returns {Promise<string>}
 */
function watch(command, args, options, alive) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const take = (/** @type {Buffer} */ chunk) => {
      output += chunk
    }
    child.stdout?.on('data', take)
    child.stderr?.on('data', take)
    const timer = setInterval(() => alive(output.trimEnd().split('\n').at(-1) ?? ''), HEARTBEAT_MS)
    child.on('error', (cause) => {
      clearInterval(timer)
      reject(new Error(`cannot run ${command}: ${cause.message}`, { cause }))
    })
    child.on('close', (code, signal) => {
      clearInterval(timer)
      if (code === 0) resolve(output)
      else
        reject(new Error(`${command} ${args.join(' ')} failed (${signal ?? `exit code ${code}`})\n${output.trimEnd()}`))
    })
  })
}
