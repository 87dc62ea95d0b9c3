import { type Command, InvalidArgumentError, Option } from 'commander'
import type { OperatorSettings } from '../operator/settings.ts'
import { checkOperatorSettings, operatorDefaults } from '../operator/settings.ts'
import { formatDuration, parseDuration } from '../pipeline/duration.ts'
import { createLogger } from '../pipeline/log.ts'
import { VERSION } from '../pipeline/version.ts'
import { SignalControl } from './control.ts'

/** Adds `fovea operator`. @param force ends the process at a second signal @param ended told of the exit status */
export function addOperator(program: Command, force: () => void, ended: (status: number) => void): void {
  const command = program.command('operator').description('give pods identities and endpoints, as Kubernetes objects')
  command.configureHelp({ optionDescription: describeOption })
  for (const option of options(operatorDefaults())) command.addOption(option)
  command.action(async (flags: Flags) => ended(await runOperator(settingsOf(flags), force)))
}

const TIMES = ['leaseDuration', 'renewDeadline', 'retryPeriod', 'gcInterval', 'gcGrace'] as const

/** Flags name times without their unit, settings with it. */
type Flags = Omit<OperatorSettings, `${(typeof TIMES)[number]}Ms`> & Record<(typeof TIMES)[number], number>

function settingsOf(flags: Flags): OperatorSettings {
  const times = Object.fromEntries(TIMES.map((name) => [`${name}Ms`, flags[name]]))
  return { ...operatorDefaults(), ...flags, ...times }
}

async function runOperator(settings: OperatorSettings, force: () => void): Promise<number> {
  const problems = checkOperatorSettings(settings)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  // Imported late: no other command needs the Kubernetes client.
  const { Operator } = await import('../operator/operator.ts')
  const { logLevel, logFormat } = settings
  const log = createLogger({
    level: logLevel,
    encoding: logFormat,
    output_paths: ['stderr'],
    initial_fields: {},
  })
  const control = new SignalControl(force)
  const ending = new AbortController()
  const running = new Operator(settings, log, VERSION).run(ending.signal).then(
    () => control.end({ exit: 0 }),
    (error) => control.end({ exit: 1, error }),
  )
  try {
    let event = await control.next()
    // There is no configuration file to read again.
    while (event.is === 'reload') event = await control.next()
    ending.abort()
    await running
    if (event.error !== undefined) throw event.error
    return event.exit
  } finally {
    control.close()
  }
}

function options(defaults: OperatorSettings): Option[] {
  const text = (flags: string, doc: string, value: string) =>
    value === '' ? option(flags, doc) : option(flags, doc).default(value)
  const duration = (flags: string, doc: string, value: number) =>
    option(flags, doc).default(value, formatDuration(value)).argParser(parseMs)
  const number = (flags: string, doc: string, value: number) => option(flags, doc).default(value).argParser(parseNumber)
  const boolean = (name: string, doc: string, value: boolean) =>
    option(`${name} [boolean]`, doc).default(value).preset('true').argParser(parseBoolean)
  return [
    text(
      '--kubeconfig <file>',
      'kubeconfig file; without it that of $KUBECONFIG, the service account, ~/.kube/config',
      '',
    ),
    text('--context <name>', 'context of the kubeconfig; without it its current one', ''),
    text('--cluster-name <name>', 'name of this cluster, part of every identity', defaults.clusterName),
    text('--namespace <name>', 'namespace of the Lease; without it that of the pod or context', ''),
    boolean('--leader-elect', 'work only while holding the Lease', defaults.leaderElect),
    text('--lease-name <name>', 'Lease that says which replica works', defaults.leaseName),
    duration('--lease-duration <time>', 'others take over after this silence', defaults.leaseDurationMs),
    duration(
      '--renew-deadline <time>',
      'the leader gives up after this long without renewal',
      defaults.renewDeadlineMs,
    ),
    duration('--retry-period <time>', 'between two attempts at the Lease', defaults.retryPeriodMs),
    option('--labels <expressions>', 'labels that make identities, as in Cilium: "k8s:team k8s:!build-.*"')
      .default([], 'all but those that differ from pod to pod')
      .argParser((value) => value.split(/[\s,]+/).filter((expression) => expression !== '')),
    boolean('--endpoint-slices', 'write CiliumEndpointSlices instead of CiliumEndpoints', false),
    boolean('--install-crds', 'install or update the CRDs first', false),
    boolean('--allow-cilium', 'run beside a Cilium operator', false),
    duration('--gc-interval <time>', 'between two passes over identities', defaults.gcIntervalMs),
    duration('--gc-grace <time>', 'an identity may be unused for so long', defaults.gcGraceMs),
    number('--workers <number>', 'pods worked on at a time', defaults.workers),
    number('--qps <number>', 'requests a second on the long run', defaults.qps),
    number('--burst <number>', 'requests at once after a pause', defaults.burst),
    text('--endpoint <host:port>', 'metrics and health', defaults.endpoint),
    text('--log-level <level>', 'debug, info, warn or error', defaults.logLevel).choices([
      'debug',
      'info',
      'warn',
      'error',
    ]),
    text('--log-format <format>', 'console or json', defaults.logFormat).choices(['console', 'json']),
  ]
}

/** `between two passes (default: 5m; $FOVEA_OPERATOR_GC_INTERVAL)`. */
function describeOption({ description, defaultValue, defaultValueDescription, envVar }: Option): string {
  const value = defaultValue === undefined ? [] : [`default: ${defaultValueDescription ?? defaultValue}`]
  const variable = envVar === undefined ? [] : [`$${envVar}`]
  const both = [...value, ...variable]
  return both.length === 0 ? description : `${description} (${both.join('; ')})`
}

/** `--gc-grace` is also `FOVEA_OPERATOR_GC_GRACE`. */
function option(flags: string, doc: string): Option {
  const made = new Option(flags, doc)
  return made.env(`FOVEA_OPERATOR_${made.name().replaceAll('-', '_').toUpperCase()}`)
}

/** `--install-crds`, `--leader-elect=false`, and the same words in the environment. */
function parseBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false')
    throw new InvalidArgumentError(`${JSON.stringify(text)} is not true or false`)
  return text === 'true'
}

function parseMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 0)
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no duration such as 15s or 5m`)
  return ms
}

function parseNumber(text: string): number {
  const number = Number(text)
  if (text.trim() === '' || Number.isNaN(number)) throw new InvalidArgumentError(`${JSON.stringify(text)} is no number`)
  return number
}
