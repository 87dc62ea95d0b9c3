import { Command, Option } from 'commander'
import type { Catalog } from '../pipeline/catalog.ts'
import type { Locations } from '../pipeline/config/load.ts'
import { advice } from '../pipeline/config/suggest.ts'
import { VERSION } from '../pipeline/version.ts'
import { addCerts } from './certs.ts'
import { listComponents } from './list-components.ts'
import { addOperator } from './operator.ts'
import { type PrintOptions, printConfig } from './print-config.ts'
import { run } from './run.ts'
import { validate } from './validate.ts'

interface LocationFlags {
  config?: string[]
  set?: string[]
}

/** What commands need from outside. */
export interface Program {
  catalog: Catalog
  /** Ends the process at a second signal. */
  force(): void
}

/** The command line. @returns a function that runs it and resolves to the exit status; it rejects with the Error to print */
export function createProgram({ catalog, force }: Program): (argv: readonly string[]) => Promise<number> {
  let status = 0
  const program = new Command('fovea')
    .description('Network flows of this machine through an OpenTelemetry-native collector pipeline')
    .version(`fovea version ${VERSION}`, '-v, --version', 'print the version')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => {} })
  located(program.command('run', { isDefault: true }))
    .description('run the pipelines of a configuration (also without a command)')
    .option('--fallback <file>', 'configuration to run where nothing of this machine can be observed')
    .action(async (flags: LocationFlags & { fallback?: string }) => {
      status = await run({ locations: locations(flags), fallback: flags.fallback, force }, catalog)
    })
  located(program.command('validate'))
    .description('check a configuration and start nothing; silent when it is good')
    .option('--check-files', 'also that the files it names can be read')
    .action((flags: LocationFlags & { checkFiles?: true }) =>
      validate(locations(flags), catalog, flags.checkFiles === true),
    )
  program
    .command('components')
    .description('list every component with its signals')
    .action(async () => void process.stdout.write(await listComponents(catalog)))
  located(program.command('print-config'))
    .description('print the checked configuration with its defaults')
    .addOption(
      new Option('--mode <mode>', 'secrets masked or not').choices(['redacted', 'unredacted']).default('redacted'),
    )
    .addOption(new Option('--format <format>', 'of the output').choices(['yaml', 'json']).default('yaml'))
    .action(async (flags: LocationFlags & PrintOptions) => {
      process.stdout.write(await printConfig(locations(flags), catalog, flags))
    })
  addCerts(program, (text) => void process.stdout.write(text))
  addOperator(program, force, (ended) => {
    status = ended
  })
  for (const command of program.commands) command.exitOverride().configureOutput({ outputError: () => {} })
  return async (argv) => {
    checkCommand(argv[2] === 'help' ? argv[3] : argv[2], program)
    await program.parseAsync(argv)
    return status
  }
}

/** "run" being the default, commander would take a misspelt command for an argument of it. */
function checkCommand(word: string | undefined, program: Command): void {
  const names = ['help', ...program.commands.map((command) => command.name())]
  if (word === undefined || word.startsWith('-') || names.includes(word)) return
  throw new Error(`unknown command ${JSON.stringify(word)}${advice(word, names, 'commands')}`)
}

function located(command: Command): Command {
  return command
    .option(
      '--config <uri>',
      'configuration: a file, or file:, env: or yaml: and what follows; repeatable, merged in order',
      append,
    )
    .option('--set <path=value>', 'one setting, laid over every --config: service.workers=2; repeatable', append)
}

function append(value: string, values: readonly string[] = []): string[] {
  return [...values, value]
}

function locations({ config = [], set = [] }: LocationFlags): Locations {
  return { configs: config, sets: set }
}
