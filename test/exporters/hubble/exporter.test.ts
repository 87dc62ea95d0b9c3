import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { type ServiceError, status } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LostSource } from '../../../src/flow/enums.ts'
import { ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { numberedBatch } from '../../support/flow-source.ts'
import { type RunningHubble, startHubble } from '../../support/hubble.ts'
import { type FlowsResponse, HubbleClient } from '../../support/hubble-client.ts'
import { SlowHubbleClient } from '../../support/slow-hubble-client.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

/** The exporter's server over real connections. */
const test = suite('hubble exporter')
const folder = new TemporaryFolder()
const running: RunningHubble[] = []
const clients: HubbleClient[] = []

test.after.each(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const hubble of running.splice(0)) await hubble.stop()
})
test.after(() => folder.remove())

async function start(settings: Parameters<typeof startHubble>[0] = {}): Promise<RunningHubble> {
  const hubble = await startHubble(settings)
  running.push(hubble)
  return hubble
}

function connect(server: string): HubbleClient {
  const client = new HubbleClient(server)
  clients.push(client)
  return client
}

function metric(hubble: RunningHubble, name: string): number {
  return ownMetric(hubble.context, `otelcol_exporter_hubble_${name}`, { exporter: 'hubble' })
}

async function until(holds: () => boolean): Promise<void> {
  await eventually('the clients', () => holds() || undefined)
}

function rejection(promise: Promise<unknown>): Promise<ServiceError> {
  return promise.then(
    () => assert.unreachable('no error'),
    (error: ServiceError) => error,
  ) as Promise<ServiceError>
}

test('an empty ring answers with nothing and OK', async () => {
  const { server } = await start()
  assert.equal(await connect(server).flows({ number: 20 }), [])
})

const refused: { request: object; code: status; details: string }[] = [
  {
    request: { first: true, follow: true },
    code: status.INVALID_ARGUMENT,
    details: 'first cannot be specified with follow',
  },
  { request: { field_mask: { paths: ['source.pod'] } }, code: status.UNKNOWN, details: 'invalid fieldmask' },
  {
    request: { whitelist: [{ source_pod: [''] }] },
    code: status.UNKNOWN,
    details: 'invalid filter, name must not be empty',
  },
  {
    request: { blacklist: [{ http_method: ['GET'], event_type: [{ type: 4 }] }] },
    code: status.UNKNOWN,
    details: "filtering by http method requires the event type filter to only match 'l7' events",
  },
]
for (const { request, code, details } of refused) {
  test(`GetFlows ${JSON.stringify(request)} is refused`, async () => {
    const { server } = await start()
    const error = await rejection(connect(server).flows(request))
    assert.equal([error.code, error.details], [code, details])
  })
}

test('a field mask leaves what it names, beside time and node of the answer', async () => {
  const { server, exporter } = await start()
  exporter.consume(numberedBatch(0, 1))
  const paths = ['source.pod_name', 'l4.TCP.destination_port', 'ip_trace_id']
  const [answer] = await connect(server).flows({ field_mask: { paths } })
  const { uuid, l4, time } = answer!.flow as unknown as Record<string, Record<string, unknown>>
  assert.equal([uuid, time, l4!.TCP], [undefined, undefined, { destination_port: 80 }])
  assert.ok((answer as unknown as { time: { seconds: number } }).time.seconds > 0)
  assert.ok(answer!.node_name)
})

test('two clients of the same flow see the same UUID', async () => {
  const { server, exporter } = await start()
  exporter.consume(numberedBatch(0, 3))
  exporter.consume(numberedBatch(3, 3))
  const [one, other] = await Promise.all([connect(server).flows({}), connect(server).flows({})])
  const uuids = one.map((answer) => answer.flow!.uuid)
  assert.equal(
    uuids,
    other.map((answer) => answer.flow!.uuid),
  )
  assert.is(new Set(uuids).size, 6)
})

test('a client that never reads costs bounded memory, harms nobody and is told what it lost', async () => {
  const hubble = await start({ max_flows: 4_000, lost_event_send_interval: 1 })
  const slow = new SlowHubbleClient(hubble.server, { follow: true })
  const quick = connect(hubble.server).stream('observer.Observer', 'GetFlows', { follow: true })
  let quickFlows = 0
  quick.on('error', () => {})
  quick.on('data', (answer: FlowsResponse) => answer.flow && quickFlows++)
  await until(() => metric(hubble, 'streams') === 2)
  const total = 100_000
  for (let from = 0; from < total; from += 2_000) {
    hubble.exporter.consume(numberedBatch(from, 2_000))
    await until(() => quickFlows >= from + 2_000)
  }
  assert.is(quickFlows, total)
  assert.ok(metric(hubble, 'kept_bytes') < 2 * 1024 * 1024, 'the ring does not grow')
  let [seen, lost] = [0, 0]
  slow.read((answer) => {
    if (answer.lost_events) lost += answer.lost_events.num_events_lost
    else seen++
    if (answer.lost_events) assert.is(answer.lost_events.source, LostSource.HUBBLE_RING_BUFFER)
  })
  await until(() => seen + lost === total)
  assert.ok(lost > 0)
  assert.is(metric(hubble, 'lost_events'), lost)
  slow.close()
})

test('streams beyond the limit are refused and counted', async () => {
  const hubble = await start({ max_concurrent_streams: 1 })
  const first = connect(hubble.server).stream('observer.Observer', 'GetFlows', { follow: true })
  first.on('error', () => {})
  await until(() => metric(hubble, 'streams') === 1)
  const error = await rejection(connect(hubble.server).flows({}))
  assert.is(error.code, status.RESOURCE_EXHAUSTED)
  assert.match(error.details, 'too many streams are open already (setting max_concurrent_streams)')
  const labels = { exporter: 'hubble', cause: 'limit' }
  assert.is(ownMetric(hubble.context, 'otelcol_exporter_hubble_refused_streams', labels), 1)
  first.cancel()
  await until(() => metric(hubble, 'streams') === 0)
  assert.equal(await connect(hubble.server).flows({}), [])
})

test('followers get what is left, then UNAVAILABLE, never OK', async () => {
  const hubble = await start()
  const client = connect(hubble.server)
  const call = client.stream('observer.Observer', 'GetFlows', { follow: true })
  const flows: FlowsResponse[] = []
  call.on('data', (answer: FlowsResponse) => flows.push(answer))
  const ended = new Promise<ServiceError | 'OK'>((resolve) => {
    call.once('error', resolve)
    call.once('end', () => resolve('OK'))
  })
  await until(() => metric(hubble, 'streams') === 1)
  hubble.exporter.consume(numberedBatch(0, 100))
  await hubble.exporter.shutdown(Date.now() + 2_000)
  assert.equal(((await ended) as ServiceError).code, status.UNAVAILABLE)
  assert.is(flows.length, 100)
})

test('shutdown twice, and without a start, does no harm', async () => {
  const hubble = await start()
  await hubble.exporter.shutdown(Date.now() + 100)
  await hubble.exporter.shutdown(Date.now() + 100)
})

test('a port in use is told with the setting', async () => {
  const { server } = await start()
  const error = await rejection(startHubble({ endpoint: server }))
  assert.is(
    error.message,
    `endpoint: cannot listen on ${server}: address already in use: another process has this port, or another component of this configuration`,
  )
})

function unixSocket(name: string, group = ''): { path: string; mode: number; group: string } {
  return { path: folder.at(name), mode: 0o640, group }
}

test('the unix socket has the mode of the settings and goes at the end', async () => {
  const socket = unixSocket('mode')
  const hubble = await start({ endpoint: '', unix_socket: socket })
  assert.is(statSync(socket.path).mode & 0o777, 0o640)
  const { nodes } = await connect(`unix://${socket.path}`).call('observer.Observer', 'GetNodes')
  assert.is((nodes as { address: string }[])[0]!.address, `unix://${socket.path}`)
  await hubble.stop()
  assert.not.ok(existsSync(socket.path))
})

test('a socket of a living process is left alone', async () => {
  const socket = unixSocket('living')
  const owner = await listeningProcess(socket.path)
  const error = await rejection(startHubble({ endpoint: '', unix_socket: socket }))
  assert.is(error.message, `unix_socket::path: ${socket.path} is in use by a running process (another agent?)`)
  assert.ok(existsSync(socket.path))
  owner.kill()
})

test('a socket left behind is replaced', async () => {
  const socket = unixSocket('stale')
  await leaveSocketBehind(socket.path)
  await start({ endpoint: '', unix_socket: socket })
  assert.equal(await connect(`unix://${socket.path}`).flows({}), [])
})

test('a file in the place of the socket is left alone', async () => {
  const socket = unixSocket('file')
  writeFileSync(socket.path, 'precious')
  chmodSync(socket.path, 0o600)
  const error = await rejection(startHubble({ endpoint: '', unix_socket: socket }))
  assert.is(error.message, `unix_socket::path: ${socket.path} exists and is not a socket`)
})

test('a missing folder of the socket is told', async () => {
  const error = await rejection(startHubble({ endpoint: '', unix_socket: unixSocket('missing/socket') }))
  assert.is(error.message, `unix_socket::path: there is no folder ${folder.at('missing')}, create it first`)
})

test('an unknown group of the socket is told', async () => {
  const error = await rejection(startHubble({ endpoint: '', unix_socket: unixSocket('group', 'no-such-group') }))
  assert.is(error.message, 'unix_socket::group: no group "no-such-group" in /etc/group')
})

/** Another process that listens there. */
async function listeningProcess(path: string): Promise<ChildProcess> {
  const listen = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  return child
}

/** As a killed agent does: its socket stays, and nobody listens. */
function leaveSocketBehind(path: string): Promise<void> {
  const child = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ])
  return new Promise((resolve) => child.once('exit', () => resolve()))
}

test.run()
