import { Client, credentials, status } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HubbleConfig } from '../../../src/exporters/hubble/config.ts'
import { ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { hubbleSettings, type RunningHubble, startHubble } from '../../support/hubble.ts'
import { HubbleClient } from '../../support/hubble-client.ts'

/** What go-grpc-prometheus counts, of real calls. */
const calls = suite('calls of the Hubble API are counted')
const opened: { stop(): unknown }[] = []

calls.after.each(async () => {
  for (const one of opened.splice(0).reverse()) await one.stop()
})

async function start(settings: Partial<HubbleConfig> = {}): Promise<{ hubble: RunningHubble; client: HubbleClient }> {
  const hubble = await startHubble(settings)
  const client = new HubbleClient(hubble.server)
  opened.push(hubble, { stop: () => client.close() })
  return { hubble, client }
}

function count({ context }: RunningHubble, name: string, labels: Record<string, string>): number {
  return ownMetric(context, `grpc_server_${name}_total`, { grpc_service: 'observer.Observer', ...labels })
}

const STATUS = { grpc_type: 'unary', grpc_method: 'ServerStatus' }
const FLOWS = { grpc_type: 'server_stream', grpc_method: 'GetFlows' }

calls('by method, messages and code', async () => {
  const { hubble, client } = await start()
  hubble.exporter.consume(flowBatch([TCP_SYN, TCP_SYN, TCP_SYN]))
  await client.call('observer.Observer', 'ServerStatus')
  assert.is((await client.flows({ number: 2 })).length, 2)
  for (const [labels, sent] of [
    [STATUS, 1],
    [FLOWS, 2],
  ] as const) {
    assert.equal(
      ['started', 'msg_received', 'msg_sent'].map((name) => count(hubble, name, labels)),
      [1, 1, sent],
      labels.grpc_method,
    )
    assert.is(count(hubble, 'handled', { ...labels, grpc_code: 'OK' }), 1)
  }
  await hubble.stop()
  const handled = hubble.context.telemetry.families().find(({ name }) => name === 'grpc_server_handled_total')!
  assert.is(
    [...handled.ids()].reduce((sum, id) => sum + handled.value(id), 0),
    2,
    'each call ends once',
  )
})

calls('with the code of what was wrong', async () => {
  const { hubble, client } = await start()
  await client.flows({ number: 1, since: { seconds: 2 }, until: { seconds: 1 }, first: true, follow: true }).then(
    () => undefined,
    () => undefined,
  )
  const codes = ['InvalidArgument', 'OK'].map((grpc_code) => count(hubble, 'handled', { ...FLOWS, grpc_code }))
  assert.equal(codes, [1, 0])
})

calls('with Canceled when the client went', async () => {
  const { hubble, client } = await start()
  hubble.exporter.consume(flowBatch([TCP_SYN]))
  const stream = client.stream('observer.Observer', 'GetFlows', { number: 1, follow: true })
  stream.on('error', () => {})
  await new Promise((resolve) => stream.once('data', resolve))
  assert.is(count(hubble, 'started', FLOWS), 1)
  const canceled = () => count(hubble, 'handled', { ...FLOWS, grpc_code: 'Canceled' })
  assert.is(canceled(), 0)
  stream.cancel()
  assert.is(await eventually('the end of the call', () => canceled() || undefined), 1)
})

calls('with ResourceExhausted when they were refused or their request was too large', async () => {
  const { per_client } = hubbleSettings()
  const { hubble, client } = await start({ per_client: { ...per_client, requests_per_second: 1, request_burst: 3 } })
  const answers = Array.from({ length: 10 }, () => client.call('observer.Observer', 'ServerStatus'))
  const refused = (await Promise.allSettled(answers)).filter((answer) => answer.status === 'rejected').length
  assert.ok(refused > 0 && refused < 10, `${refused} refused`)
  assert.is(count(hubble, 'handled', { ...STATUS, grpc_code: 'ResourceExhausted' }), refused)
  assert.is(count(hubble, 'handled', { ...STATUS, grpc_code: 'OK' }), 10 - refused)
  // Refused requests are not read.
  assert.is(count(hubble, 'msg_received', STATUS), 10 - refused)

  const other = await start({ max_recv_msg_size_mib: 1 })
  const flows = other.client.flows({ whitelist: [{ source_ip: ['x'.repeat(2 * 1024 * 1024)] }] })
  assert.is(await flows.catch((error: { code: number }) => error.code), 8)
  assert.is(count(other.hubble, 'handled', { ...FLOWS, grpc_code: 'ResourceExhausted' }), 1)
})

calls('unknown methods make no series', async () => {
  const { hubble, client } = await start()
  await client.call('observer.Observer', 'ServerStatus')
  const families = () => hubble.context.telemetry.families().filter(({ name }) => name.startsWith('grpc_server_'))
  const series = () => families().reduce((sum, { size }) => sum + size, 0)
  const before = series()
  assert.is(families().length, 4)
  assert.is(await callByPath(hubble.server, '/observer.Observer/Nothing'), status.UNIMPLEMENTED)
  assert.is(series(), before)
})

/** Code of an answer without content to a request without content. */
async function callByPath(server: string, path: string): Promise<status | undefined> {
  const client = new Client(server, credentials.createInsecure())
  const nothing = () => Buffer.alloc(0)
  try {
    return await new Promise((resolve) => {
      client.makeUnaryRequest(path, nothing, nothing, null, (error) => resolve(error?.code))
    })
  } finally {
    client.close()
  }
}

calls.run()
