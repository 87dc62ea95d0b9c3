import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HubbleConfig } from '../../src/exporters/hubble/config.ts'
import { ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { flood, flowNumber } from '../support/flow-source.ts'
import { freePort } from '../support/free-port.ts'
import { hubble, hubbleSettings, type RunningHubble, startHubble } from '../support/hubble.ts'
import { EXPIRED, type PairFiles, TestAuthority } from '../support/issued.ts'
import { peer } from '../support/peers.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** TLS and passwords with the real clients: hubble, hubble-relay, grpcurl, openssl. */
const test = suite('Hubble over TLS')
const folder = new TemporaryFolder()
const running: RunningHubble[] = []
const children: ChildProcess[] = []
let authority: TestAuthority
let stranger: TestAuthority
let server: PairFiles
let client: PairFiles

test.before(async () => {
  authority = await TestAuthority.create(folder.at('own'))
  stranger = await TestAuthority.create(folder.at('strange'))
  server = await authority.server()
  client = await authority.client()
})
test.after.each(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const one of running.splice(0)) await one.stop()
})
test.after(() => folder.remove())

async function start(files: PairFiles, settings: Partial<HubbleConfig> = {}, mutual = true): Promise<RunningHubble> {
  const tls = {
    ...hubbleSettings().tls,
    enabled: true,
    cert_file: files.cert,
    key_file: files.key,
    client_ca_file: mutual ? authority.ca : '',
    reload_interval: 20,
  }
  const one = await startHubble({ tls, ...settings })
  running.push(one)
  return one
}

function refusedConnections({ context }: RunningHubble, cause: string): number {
  const labels = { otelcol_component_kind: 'exporter', otelcol_component_id: 'hubble', cause }
  return ownMetric(context, 'fovea_server_refused_connections', labels)
}

const trust = (ca = authority.ca, name = 'node-1.default.hubble-grpc.cilium.io') => [
  '--tls-ca-cert-files',
  ca,
  '--tls-server-name',
  name,
]
const own = ({ cert, key }: PairFiles) => ['--tls-client-cert-file', cert, '--tls-client-key-file', key]

const cases: {
  name: string
  files?: () => Promise<PairFiles>
  flags: () => Promise<string[]> | string[]
  /** What the CLI says; `''` = it works. */
  said: RegExp | ''
  /** Label of the refusal. */
  cause?: string
}[] = [
  { name: 'a client with a certificate is served', flags: () => [...trust(), ...own(client)], said: '' },
  {
    name: 'a client that trusts another authority does not connect',
    flags: () => [...trust(stranger.ca), ...own(client)],
    said: /unknown authority/,
    cause: 'server_certificate',
  },
  {
    name: 'a client that asks for another name does not connect',
    flags: () => [...trust(authority.ca, 'node-1.other.hubble-grpc.cilium.io'), ...own(client)],
    said: /certificate is valid for .*not node-1\.other/,
    cause: 'server_certificate',
  },
  {
    name: 'an expired certificate of the server is not accepted',
    files: () => authority.server('expired', EXPIRED),
    flags: () => [...trust(), ...own(client)],
    said: /certificate has expired/,
    cause: 'server_certificate',
  },
  {
    name: 'a client without a certificate is refused',
    flags: () => trust(),
    said: /./,
    cause: 'client_certificate',
  },
  {
    name: 'an expired certificate of the client is refused',
    flags: async () => [...trust(), ...own(await authority.client('expired-client', EXPIRED))],
    said: /./,
    cause: 'client_certificate',
  },
  {
    name: 'a client certificate of another authority is refused',
    flags: async () => [...trust(), ...own(await stranger.client())],
    said: /./,
    cause: 'client_certificate',
  },
]
for (const { name, files = async () => server, flags, said, cause } of cases)
  test(name, async () => {
    const one = await start(await files())
    const { code, stdout, stderr } = await hubble(`tls://${one.server}`, ['status', ...(await flags())])
    if (said === '') assert.match(stdout, /: Ok\n/)
    else {
      assert.is.not(code, 0)
      assert.match(stderr, said)
    }
    if (cause === undefined) return
    await eventually(cause, () => refusedConnections(one, cause) || undefined)
    const lines = one.context.lines.filter(({ msg }) => msg === 'Connection refused')
    assert.is(lines.length, 1, 'one line, however often the client tries')
  })

test('a client in plain text is refused, and the reason counted', async () => {
  const one = await start(server)
  assert.is.not((await hubble(one.server, ['status'])).code, 0)
  await eventually('the count', () => refusedConnections(one, 'not_tls') || undefined)
})

test('TLS 1.2 is refused by default, and taken where min_version allows it', async () => {
  const one = await start(server, {}, false)
  assert.match(await openssl(one, '-tls1_2'), /alert protocol version/i)
  assert.match(await openssl(one, '-tls1_3'), /Protocol *: TLSv1\.3|New, TLSv1\.3/)
  await eventually('the count', () => refusedConnections(one, 'tls_version') || undefined)
  const tls = { ...one.config.tls, min_version: '1.2' as const }
  assert.match(await openssl(await start(server, { tls }), '-tls1_2'), /Protocol *: TLSv1\.2/)
})

/** What `openssl s_client` prints of a handshake. */
function openssl({ server: address }: RunningHubble, version: string): Promise<string> {
  const words = ['s_client', '-connect', address, '-CAfile', authority.ca, '-alpn', 'h2', version]
  return new Promise((resolve) => {
    const child = execFile('openssl', words, (_, stdout, stderr) => resolve(stdout + stderr))
    child.stdin?.end()
  })
}

const PER_SECOND = 5_000
const SECONDS = 4

test(`a follower at ${PER_SECOND} flows a second loses nothing while the certificate changes twice`, async () => {
  const files = await authority.server('rotated')
  const one = await start(files)
  const output = folder.at('flows')
  const flags = [...trust(), ...own(client)]
  const words = ['--server', `tls://${one.server}`, 'observe', '--follow', ...flags]
  const follower = spawn(peer('hubble'), words, { stdio: ['ignore', openSync(output, 'w'), 'inherit'] })
  children.push(follower)
  const ended = new Promise((resolve) => follower.once('exit', resolve))
  const metric = (name: string) => ownMetric(one.context, `otelcol_exporter_hubble_${name}`, { exporter: 'hubble' })
  await eventually('the CLI to follow', () => metric('streams') === 1 || undefined)
  const serials = [await serial(one)]
  const flooding = flood(one.exporter, PER_SECOND, SECONDS)
  for (let i = 0; i < 2; i++) {
    await authority.server('rotated')
    serials.push(
      await eventually('the new certificate', async () => {
        const now = await serial(one)
        return serials.includes(now) ? undefined : now
      }),
    )
    const { stdout } = await hubble(`tls://${one.server}`, ['status', ...flags])
    assert.match(stdout, /: Ok\n/)
  }
  const sent = await flooding
  const lines = () => readFileSync(output, 'utf8').trimEnd().split('\n')
  await eventually('all flows to be printed', () => lines().length >= sent || undefined)
  follower.kill('SIGINT')
  await ended
  const numbers = lines().map((line) => flowNumber(/: ([\d.]+):40000 /.exec(line)?.[1] ?? ''))
  assert.is(metric('lost_events'), 0)
  assert.is(numbers.length, sent)
  assert.is(new Set(numbers).size, sent)
  assert.is(new Set(serials).size, 3)
})

/** Serial number of the certificate that a new connection gets. */
function serial({ server: address }: RunningHubble): Promise<string> {
  const [host, port] = address.split(':')
  const options = {
    host,
    port: Number(port),
    servername: 'localhost',
    ca: readFileSync(authority.ca),
    ALPNProtocols: ['h2'],
  }
  const mutual = { cert: readFileSync(client.cert), key: readFileSync(client.key) }
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, ...mutual }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

test('hubble-relay finds the node by its name in the certificate, and serves TLS itself', async () => {
  const one = await start(server)
  const { cert, key } = await authority.relay()
  const [listen, health] = await Promise.all([freePort(), freePort()])
  const address = `127.0.0.1:${listen}`
  const words = ['serve', '--peer-service', one.server, '--listen-address', address, '--gops=false']
  const tls = ['--tls-hubble-server-ca-files', authority.ca, '--tls-relay-server-cert-file', cert]
  const keys = [
    '--tls-hubble-client-cert-file',
    cert,
    '--tls-hubble-client-key-file',
    key,
    '--tls-relay-server-key-file',
    key,
  ]
  const flags = [...words, ...tls, ...keys, '--health-listen-address', `127.0.0.1:${health}`, '--retry-timeout', '1s']
  children.push(spawn(peer('hubble-relay'), flags, { stdio: 'ignore', cwd: folder.path }))
  await eventually('hubble-relay to connect', async () => {
    const asUi = trust(authority.ca, 'ui.hubble-relay.cilium.io')
    const { stdout } = await hubble(`tls://${address}`, ['status', ...asUi])
    return stdout.includes('Connected Nodes: 1/1') || undefined
  })
})

async function startWithPassword(): Promise<RunningHubble> {
  const file = folder.at('password')
  writeFileSync(file, 's3cr3t\n')
  return start(server, { auth: { basic: { enabled: true, username: 'monitoring', password_file: file } } }, false)
}

test('the CLI gets in with the password, and not without', async () => {
  const one = await startWithPassword()
  const login = (password: string) => ['--basic-auth-username', 'monitoring', '--basic-auth-password', password]
  const ask = (...flags: string[]) => hubble(`tls://${one.server}`, ['status', ...trust(), ...flags])
  assert.match((await ask(...login('s3cr3t'))).stdout, /: Ok\n/)
  for (const flags of [[], login('wrong')]) {
    const { code, stderr } = await ask(...flags)
    assert.is.not(code, 0)
    assert.match(stderr, 'asks for a username and a password')
  }
})

test('grpcurl gets in with the header, and health is for everybody', async () => {
  const one = await startWithPassword()
  const header = `authorization: Basic ${Buffer.from('monitoring:s3cr3t').toString('base64')}`
  const open = await grpcurl(one, ['-H', header], 'observer.Observer/ServerStatus')
  assert.match(open, '"max_flows"')
  assert.match(await grpcurl(one, [], 'observer.Observer/ServerStatus'), 'Unauthenticated')
  const reflect = ['-reflect-header', header]
  assert.match(await grpcurl(one, reflect, 'observer.Observer/ServerStatus'), 'Unauthenticated')
  assert.match(await grpcurl(one, reflect, 'grpc.health.v1.Health/Check'), 'SERVING')
})

/** What grpcurl prints, errors included. */
function grpcurl({ server: address }: RunningHubble, flags: readonly string[], method: string): Promise<string> {
  const words = ['-cacert', authority.ca, ...flags, address, method]
  return new Promise((resolve) => {
    execFile(peer('grpcurl'), words, { timeout: 30_000 }, (_, stdout, stderr) => resolve(stdout + stderr))
  })
}

test.run()
