// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import { ConfigFolder, fovea } from '../support/fovea-process.ts'

const commands = suite<{ folder: ConfigFolder }>('fovea')

commands.before((context) => {
  context.folder = new ConfigFolder()
})
commands.after(({ folder }) => folder.remove())

const GOOD = `
receivers: {nop: }
exporters: {nop: }
service: {pipelines: {flows: {receivers: [nop], exporters: [nop]}}}
`

commands('--version prints the version', async () => {
  const { status, stdout, stderr } = await fovea(['--version'])
  assert.equal([status, stdout, stderr], [0, `fovea version ${manifest.version}\n`, ''])
})

commands('--help names every command', async () => {
  const { status, stdout } = await fovea(['--help'])
  assert.is(status, 0)
  for (const command of ['run', 'validate', 'components', 'print-config']) assert.match(stdout, command)
})

commands('help tells no default where there is none', async () => {
  for (const command of ['run', 'validate', 'print-config'])
    assert.not.match((await fovea(['help', command])).stdout, /default: (\[\]|false)/)
})

commands('validate of a good configuration is silent', async ({ folder }) => {
  const file = folder.write('good.yaml', GOOD)
  assert.equal(await fovea(['validate', '--config', file]), { status: 0, stdout: '', stderr: '' })
})

commands('validate tells every problem once, on stderr', async ({ folder }) => {
  const file = folder.write('bad.yaml', GOOD.replace('{nop: }', '{nop: {x: 1}, npo: }'))
  const { status, stdout, stderr } = await fovea(['validate', '--config', file])
  assert.equal([status, stdout], [1, ''])
  assert.equal(stderr.trimEnd().split('\n'), [
    'Error: invalid configuration:',
    `  receivers::nop: unknown key "x" (${file}:2:19)`,
    `  receivers: unknown type: "npo" for id: "npo", did you mean "nop"? (${file}:2:26)`,
  ])
})

commands('validate --check-files tells files that cannot be read', async ({ folder }) => {
  const file = folder.write(
    'files.yaml',
    `${GOOD}extensions: {health_check: {tls: {cert_file: /nosuch.pem, key_file: /}}}\n`,
  )
  assert.is((await fovea(['validate', '--config', file])).status, 0)
  const { status, stderr } = await fovea(['validate', '--check-files', '--config', file])
  assert.is(status, 1)
  assert.match(stderr, `extensions::health_check::tls::key_file: "/" is a folder (${file}:5:`)
  assert.match(stderr, `extensions::health_check::tls::cert_file: there is no file "/nosuch.pem" (${file}:5:`)
})

commands('an unset variable is a warning', async () => {
  const { status, stderr } = await fovea([
    'validate',
    '--config',
    `yaml:${GOOD}`,
    '--set',
    'service.workers=${env:FOVEA_UNSET}',
  ])
  assert.is(status, 0)
  assert.is(
    stderr,
    'Warning: Configuration references unset environment variable "FOVEA_UNSET" (--set service.workers)\n',
  )
})

const errors: { name: string; args: string[]; stderr: RegExp }[] = [
  {
    name: 'help for an unknown command',
    args: ['help', 'rnu'],
    stderr: /^Error: unknown command "rnu", did you mean "run"\?\n$/,
  },
  { name: 'no configuration', args: [], stderr: /^Error: at least one config flag must be provided: --config FILE\n$/ },
  {
    name: 'an unknown command',
    args: ['valdate'],
    stderr: /^Error: unknown command "valdate", did you mean "validate"\?\n$/,
  },
  {
    name: 'an unknown option',
    args: ['run', '--cnfig', 'x'],
    stderr: /^Error: unknown option '--cnfig'\n\(Did you mean --config\?\)\n$/,
  },
  {
    name: 'a value that is no choice',
    args: ['print-config', '--mode', 'x'],
    stderr: /^Error: .*redacted, unredacted/,
  },
  {
    name: 'a file that is not there',
    args: ['validate', '--config', '/nosuch.yaml'],
    stderr: /^Error: invalid configuration: .*open \/nosuch.yaml: no such file or directory\n$/,
  },
]
for (const { name, args, stderr } of errors) {
  commands(`${name} ends with status 1 and one message`, async () => {
    const finished = await fovea(args)
    assert.equal([finished.status, finished.stdout], [1, ''])
    assert.match(finished.stderr, stderr)
  })
}

commands('components lists what the configuration may name', async () => {
  const list = parse((await fovea(['components'])).stdout)
  assert.is(list.buildinfo.version, manifest.version)
  assert.ok(
    list.receivers.some(
      ({ name, signals }: { name: string; signals: string[] }) => name === 'nop' && signals[0] === 'flows',
    ),
  )
  assert.equal(
    list.connectors.map(({ name, signals }: { name: string; signals: string[] }) => [name, signals]),
    [
      ['hubble_metrics', ['flows to metrics']],
      ['retina_metrics', ['flows to metrics']],
    ],
  )
})

commands('print-config prints a configuration that is the same again', async ({ folder }) => {
  const file = folder.write(
    'print.yaml',
    `${GOOD}extensions: {health_check: {endpoint: "localhost:0", path: "/a$$b"}}\n`,
  )
  const first = await fovea(['print-config', '--config', file, '--set', 'service.shutdown_timeout=90s'])
  assert.is(first.status, 0)
  const again = folder.write('again.yaml', first.stdout)
  assert.is((await fovea(['print-config', '--config', again])).stdout, first.stdout)
  const document = parse(first.stdout)
  assert.is(document.service.shutdown_timeout, '1m30s')
  assert.equal(JSON.parse((await fovea(['print-config', '--format', 'json', '--config', again])).stdout).extensions, {
    health_check: { ...document.extensions.health_check, path: '/a$b' },
  })
})

commands.run()
