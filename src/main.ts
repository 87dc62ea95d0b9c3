#!/usr/bin/env node
import { CommanderError } from 'commander'
import { createProgram } from './cli/program.ts'
import { catalog } from './components.ts'

/** The command line; the only place that exits. Every error is printed once, as `Error: …` on stderr. */
const execute = createProgram({ catalog, force: () => process.exit(1) })

process.exit(await execute(process.argv).catch(failed))

function failed(error: unknown): number {
  // `--help` and `--version` come as errors with status 0, printed already.
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  const message = error instanceof Error ? error.message : String(error)
  if (message !== '(outputHelp)') process.stderr.write(`Error: ${message.replace(/^error: /, '')}\n`)
  return 1
}
