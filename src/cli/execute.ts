import { CommanderError } from 'commander'
import { createProgram, type Program } from './program.ts'

/** Runs a command line. @returns the exit status; an error was printed, once, as `Error: …` on stderr */
export async function execute(argv: readonly string[], program: Program): Promise<number> {
  try {
    return await createProgram(program)(argv)
  } catch (error) {
    // `--help` and `--version` come as errors with status 0, printed already.
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(`Error: ${message.replace(/^error: /, '')}\n`)
    return 1
  }
}
