import { lookup } from 'node:dns/promises'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { credentials, type ServiceError, status } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HubbleConfig } from '../../../src/exporters/hubble/config.ts'
import { hubbleConfig } from '../../../src/exporters/hubble/config.ts'
import { decode } from '../../../src/pipeline/config/decode.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { hubbleSettings, type RunningHubble, startHubble } from '../../support/hubble.ts'
import { HubbleClient } from '../../support/hubble-client.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'
import { treeOf } from '../../support/trees.ts'

/** Who gets in, and how much of it each may have. */
const test = suite('hubble server')
const folder = new TemporaryFolder()
const running: RunningHubble[] = []
const clients: HubbleClient[] = []
const sockets: Socket[] = []
let certificates: Certificates

test.before(() => {
  certificates = makeCertificates(folder.path)
})
test.after.each(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const client of clients.splice(0)) client.close()
  for (const hubble of running.splice(0)) await hubble.stop()
})
test.after(() => folder.remove())

async function start(settings: Partial<HubbleConfig> = {}): Promise<RunningHubble> {
  const hubble = await startHubble(settings)
  running.push(hubble)
  return hubble
}

function client(server: string, channel = credentials.createInsecure()): HubbleClient {
  // Each its own connection.
  const made = new HubbleClient(server, channel, { 'grpc.use_local_subchannel_pool': 1 })
  clients.push(made)
  return made
}

const perClient = (limits: Partial<HubbleConfig['per_client']>) => {
  const { per_client } = hubbleSettings()
  return { per_client: { ...per_client, ...limits } }
}

function refused({ context }: RunningHubble, what: 'connections' | 'requests', cause: string): number {
  const labels = { otelcol_component_kind: 'exporter', otelcol_component_id: 'hubble', cause }
  return ownMetric(context, `fovea_server_refused_${what}`, labels)
}

const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.unreachable('no error'),
    (error: ServiceError) => error,
  ) as Promise<ServiceError>

const askStatus = (one: HubbleClient, headers = {}) => one.call('observer.Observer', 'ServerStatus', {}, headers)

/** A connection that says nothing. Resolves when it is open, or closed again. */
function knock(server: string): Promise<'open' | 'closed'> {
  const [host, port] = server.split(':')
  return new Promise((resolve) => {
    const socket = connectTcp(Number(port), host)
    sockets.push(socket)
    socket.once('error', () => resolve('closed'))
    socket.once('close', () => resolve('closed'))
    // A server's first HTTP/2 frame shows that it took the connection.
    socket.once('data', () => resolve('open'))
  })
}

test('connections beyond the limit are closed and counted, and one that ends makes room', async () => {
  const hubble = await start({ max_connections: 2 })
  assert.equal([await knock(hubble.server), await knock(hubble.server)], ['open', 'open'])
  assert.is(await knock(hubble.server), 'closed')
  assert.is(refused(hubble, 'connections', 'limit'), 1)
  assert.is(ownMetric(hubble.context, 'otelcol_exporter_hubble_connections', { exporter: 'hubble' }), 2)
  sockets[0]?.destroy()
  await eventually('room', async () => (await knock(hubble.server)) === 'open' || undefined)
})

test('one client cannot have all connections, and the unix socket stays open', async () => {
  const path = folder.at('open.sock')
  const hubble = await start({ ...perClient({ max_connections: 1 }), unix_socket: { path, mode: 0o600, group: '' } })
  assert.is(await knock(hubble.server), 'open')
  assert.is(await knock(hubble.server), 'closed')
  assert.is(refused(hubble, 'connections', 'client_limit'), 1)
  for (let i = 0; i < 3; i++) await askStatus(client(`unix://${path}`))
})

test('TCP and a unix socket serve at once, and the socket belongs to its owner and group', async () => {
  const path = folder.at('both.sock')
  const gid = process.getgid?.() ?? 0
  const hubble = await start({ unix_socket: { path, mode: 0o620, group: String(gid) } })
  for (const server of [hubble.server, `unix://${path}`]) await askStatus(client(server))
  const { mode, gid: group } = statSync(path)
  assert.equal([mode & 0o777, group], [0o620, gid])
  await hubble.stop()
  assert.not.ok(existsSync(path))
})

test('localhost is answered at on each of its addresses', async () => {
  const hubble = await start({ endpoint: 'localhost:0' })
  const { port } = new URL(`http://${hubble.server}`)
  for (const { address, family } of await lookup('localhost', { all: true }))
    await askStatus(client(family === 6 ? `[${address}]:${port}` : `${address}:${port}`))
})

test('requests of one client beyond the rate are refused with the setting, those of the unix socket are not', async () => {
  const path = folder.at('rate.sock')
  const unix_socket = { path, mode: 0o600, group: '' }
  const hubble = await start({ ...perClient({ requests_per_second: 1, request_burst: 2 }), unix_socket })
  const one = client(hubble.server)
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => askStatus(one)))
  const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as ServiceError] : []))
  assert.ok(errors.length > 0 && errors.length <= 19, `${errors.length} refused`)
  for (const { code, details } of errors) {
    assert.is(code, status.RESOURCE_EXHAUSTED)
    assert.match(details, 'per_client::requests_per_second')
  }
  assert.is(refused(hubble, 'requests', 'rate'), errors.length)
  const lines = hubble.context.lines.filter(({ msg }) => msg === 'Request refused')
  assert.is(lines.length, 1, 'the log is not flooded')
  await Promise.all(Array.from({ length: 20 }, () => askStatus(client(`unix://${path}`))))
})

test('streams of one client beyond its share are refused, also those of other services', async () => {
  const hubble = await start(perClient({ max_concurrent_streams: 1 }))
  const one = client(hubble.server)
  const watching = one.stream('observer.Observer', 'GetFlows', { follow: true })
  watching.on('error', () => {})
  await eventually(
    'the stream',
    () => ownMetric(hubble.context, 'otelcol_exporter_hubble_streams', { exporter: 'hubble' }) || undefined,
  )
  const error = await new Promise<ServiceError>((resolve) => {
    client(hubble.server)
      .stream('peer.Peer', 'Notify', {})
      .once('error', resolve as never)
  })
  assert.is(error.code, status.RESOURCE_EXHAUSTED)
  assert.match(
    error.details,
    'too many streams of this client are open already (setting per_client::max_concurrent_streams)',
  )
  const labels = { exporter: 'hubble', cause: 'client_limit' }
  assert.is(ownMetric(hubble.context, 'otelcol_exporter_hubble_refused_streams', labels), 1)
  await askStatus(one)
  watching.cancel()
  await eventually(
    'room',
    async () =>
      (await client(hubble.server)
        .flows({})
        .catch(() => undefined)) !== undefined || undefined,
  )
})

test('a request beyond the largest size is refused and counted', async () => {
  const hubble = await start({ max_recv_msg_size_mib: 1 })
  const uuid = Array.from({ length: 3_000 }, (_, i) => `${i}`.padEnd(400, 'x'))
  const error = await rejection(client(hubble.server).flows({ whitelist: [{ uuid }] }))
  assert.is(error.code, status.RESOURCE_EXHAUSTED)
  assert.is(refused(hubble, 'requests', 'message_size'), 1)
})

test('a connection as old as it may get is closed, and the next one serves', async () => {
  const { keepalive } = hubbleSettings()
  const server_parameters = { ...keepalive.server_parameters, max_connection_age: 50, max_connection_age_grace: 20 }
  const hubble = await start({ keepalive: { server_parameters } })
  const error = await new Promise<ServiceError>((resolve) => {
    const call = client(hubble.server).stream('observer.Observer', 'GetFlows', { follow: true })
    call.once('error', resolve as never)
  })
  assert.ok([status.UNAVAILABLE, status.CANCELLED, status.INTERNAL].includes(error.code), error.message)
  await askStatus(client(hubble.server))
})

async function startWithPassword(): Promise<{ hubble: RunningHubble; socket: string }> {
  const file = folder.at('password')
  writeFileSync(file, 's3cr3t\n')
  const socket = folder.at('password.sock')
  const hubble = await start({
    tls: { ...hubbleSettings().tls, enabled: true, cert_file: certificates.cert, key_file: certificates.key },
    auth: { basic: { enabled: true, username: 'monitoring', password_file: file } },
    unix_socket: { path: socket, mode: 0o600, group: '' },
  })
  return { hubble, socket }
}

const secureClient = ({ server }: RunningHubble) =>
  client(server.replace('127.0.0.1', 'localhost'), credentials.createSsl(readFileSync(certificates.ca)))
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

test('with a password set, calls without it end with UNAUTHENTICATED', async () => {
  const { hubble, socket } = await startWithPassword()
  const one = secureClient(hubble)
  for (const headers of [{}, basic('monitoring:wrong'), { authorization: 'Bearer s3cr3t' }])
    assert.is((await rejection(askStatus(one, headers))).code, status.UNAUTHENTICATED)
  await askStatus(one, basic('monitoring:s3cr3t'))
  assert.is((await rejection(one.flows({}))).code, status.UNAUTHENTICATED)
  assert.is(refused(hubble, 'requests', 'unauthenticated'), 4)
  await askStatus(client(`unix://${socket}`))
  assert.not.match(JSON.stringify(hubble.context.lines), 's3cr3t')
})

test('files of certificates that are no good leave the old one in force, are told and counted, and tried again', async () => {
  const files = { cert: folder.at('used.pem'), key: folder.at('used.key') }
  const good = readFileSync(certificates.cert, 'utf8')
  writeFileSync(files.cert, good)
  writeFileSync(files.key, readFileSync(certificates.key))
  const hubble = await start({
    tls: { ...hubbleSettings().tls, enabled: true, cert_file: files.cert, key_file: files.key, reload_interval: 5 },
  })
  const { statuses } = hubble.context
  const seen = (at: string) => eventually(at, () => statuses.at(-1)?.at === at || undefined)
  writeFileSync(files.cert, good.slice(0, good.length / 2))
  await seen('recoverable_error')
  await askStatus(secureClient(hubble))
  writeFileSync(files.cert, good)
  await seen('ok')
  const told = statuses.flatMap((one) => (one.at === 'recoverable_error' ? [one.error.message] : []))
  // What a reader finds in the middle of our own writing is as little good.
  assert.ok(told.length >= 1 && told.length <= 4, `told once for each fault: ${told}`)
  assert.match(told.join(), `cert_file: ${files.cert} is cut off`)
  const reloads = (outcome: string) => {
    const labels = { otelcol_component_kind: 'exporter', otelcol_component_id: 'hubble', files: 'tls', outcome }
    return ownMetric(hubble.context, 'fovea_file_reloads', labels)
  }
  assert.is(reloads('failed'), told.length)
  assert.ok(reloads('loaded') >= 1)
})

test('a stop does not wait for handshakes that nobody ends', async () => {
  const tls = { ...hubbleSettings().tls, enabled: true, cert_file: certificates.cert, key_file: certificates.key }
  const hubble = await start({ tls })
  const [host, port] = hubble.server.split(':')
  const socket = connectTcp(Number(port), host)
  sockets.push(socket)
  const connections = () => ownMetric(hubble.context, 'otelcol_exporter_hubble_connections', { exporter: 'hubble' })
  await eventually('the connection', () => connections() || undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await hubble.exporter.shutdown(Date.now() + 600_000)
  socket.resume()
  await closed
})

test('plain text beyond localhost is warned of, once', async () => {
  const [open, closed] = [await start({ endpoint: '0.0.0.0:0' }), await start()]
  const warnings = ({ context }: RunningHubble) =>
    context.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  assert.is(warnings(open).length, 1)
  assert.match(warnings(open)[0] ?? '', 'serves flows in plain text')
  assert.equal(warnings(closed), [])
})

test('a password without TLS is a problem of the configuration', () => {
  const { problems } = decode(hubbleConfig, treeOf('{auth: {basic: {username: u, password_file: p}}}', 'c.yaml'), [])
  assert.equal(
    problems.map(({ path }) => path.join('::')),
    ['auth::basic'],
  )
})

test('requests that never end hold little memory, and none up once they are gone', async () => {
  const hubble = await start({ max_recv_msg_size_mib: 16 })
  const sessions = [1, 2].map(() => connectHttp2(`http://${hubble.server}`).on('error', () => {}))
  const begun = sessions.flatMap((session) =>
    Array.from({ length: 4 }, () => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/observer.Observer/ServerStatus',
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      stream.on('error', () => {})
      // 2 MB of 8.
      stream.write(Buffer.concat([Buffer.of(0, 0, 0x80, 0, 0), Buffer.alloc(2_000_000)]))
      return stream
    }),
  )
  // Two of one client are read, and no more than what flow control lets through of the others.
  await eventually(
    'two requests to be read',
    () => begun.filter((stream) => stream.writableLength === 0).length >= 2 || undefined,
  )
  assert.is(begun.filter((stream) => stream.writableLength === 0).length, 2)
  for (const session of sessions) session.destroy()
  assert.is((await askStatus(client(hubble.server))).max_flows, 65_535)
})

test.run()
