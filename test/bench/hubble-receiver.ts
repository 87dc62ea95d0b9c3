import { randomUUID } from 'node:crypto'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { HubbleEncoder } from '../../src/flow/hubble-encode.ts'
import { uuidPrefix } from '../../src/flow/hubble-uuid.ts'
import { FlowRows } from '../../src/receivers/hubble/flow-rows.ts'
import { ForeignEndpoints } from '../../src/receivers/hubble/foreign-endpoints.ts'
import { ResponseReader } from '../../src/receivers/hubble/response-reader.ts'
import { SeenFlows } from '../../src/receivers/hubble/seen-flows.ts'
import { TimeOrder } from '../../src/receivers/hubble/time-order.ts'
import { numberedBatch } from '../support/flow-source.ts'
import { startHubble } from '../support/hubble.ts'
import { sampleBatch } from '../support/hubble-flows.ts'
import { startGateway } from '../support/hubble-gateway.ts'

/** Cost of the hubble receiver: reading encoded flows, and the whole way from an agent. Prints a table, asserts nothing. */

const ROWS = 4_096
const ROUNDS = 50
const FLOWS = 400_000

const results: [string, string][] = []
const messages = encodedAnswers()
const endpoints = new EndpointTable()
const rows = new FlowRows(endpoints, new ForeignEndpoints(endpoints, 65_536))

reading('fields of the answer, UUID', () => {
  const reader = new ResponseReader()
  return (bytes) => reader.read(bytes)
})
reading('the same, and whether it was seen', () => {
  const reader = new ResponseReader()
  const seen = new SeenFlows()
  return (bytes) => {
    reader.read(bytes)
    seen.add(bytes, reader.uuid, reader)
  }
})
reading('all: in the order of time, to columns', allOfIt)
await fromAgent()
console.table(Object.fromEntries(results.map(([what, result]) => [what, { result }])))

/** Answers between pods, with labels, as an agent with Kubernetes names sends them. */
function encodedAnswers(): Uint8Array[] {
  const table = new EndpointTable()
  const pods = sampleBatch(table)
  const emitter = { name: 'Cilium', version: '0' }
  const encoder = new HubbleEncoder({
    nodeName: 'node-1',
    emitter,
    ends: new Ends(table),
    uuidPrefix: uuidPrefix(randomUUID()),
  })
  const batch = numberedBatch(0, ROWS)
  batch.columns.sourceEndpoint.fill(pods.columns.sourceEndpoint[0]!)
  batch.columns.destinationEndpoint.fill(pods.columns.destinationEndpoint[0]!)
  return Array.from({ length: ROWS }, (_, row) => encoder.response(batch, row, 1).slice())
}

function reading(what: string, make: () => (bytes: Uint8Array) => void): void {
  const times = Array.from({ length: ROUNDS }, () => {
    const read = make()
    const start = performance.now()
    for (const bytes of messages) read(bytes)
    return performance.now() - start
  }).sort((a, b) => a - b)
  const ms = times[ROUNDS >> 1]!
  const bytes = messages.reduce((sum, { length }) => sum + length, 0) / ROWS
  results.push([what, `${rate(ROWS, ms)} flows/s per core, ${Math.round(bytes)} bytes each`])
}

function allOfIt(): (bytes: Uint8Array) => void {
  const reader = new ResponseReader()
  const seen = new SeenFlows()
  const order = new TimeOrder(1_024, ({ bytes, at, end }) => {
    rows.add(bytes, at, end)
    if (rows.full) rows.take([]).release()
  })
  return (bytes) => {
    reader.read(bytes)
    seen.add(bytes, reader.uuid, reader)
    order.push({ bytes, at: reader.at, end: reader.end, seconds: reader.seconds, nanos: reader.nanos })
  }
}

/** Agent, gRPC and gateway in this one process: the gateway keeps the flows and serves them. */
async function fromAgent(): Promise<void> {
  const agent = await startHubble({ max_flows: 2 * FLOWS, max_bytes: 2 ** 30 })
  const gateway = await startGateway({ endpoint: agent.server })
  await gateway.connected()
  for (let from = 0; from < FLOWS; from += ROWS)
    agent.exporter.consume(numberedBatch(from, Math.min(ROWS, FLOWS - from)))
  const start = performance.now()
  const cpu = process.cpuUsage()
  await gateway.sink.until(FLOWS)
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const each = ((user + system) / FLOWS).toFixed(1)
  results.push([
    'agent to gateway over gRPC, both in one process',
    `${rate(FLOWS, ms)} flows/s, ${each} µs CPU per flow`,
  ])
  await gateway.stop()
  await agent.stop()
}

function rate(count: number, ms: number): string {
  return Math.round((count / ms) * 1_000).toLocaleString('en')
}
