import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flowBatch, TCP_SYN } from '../support/flows.ts'
import { rejection } from '../support/rejection.ts'
import { QUIET, type TestService, testService } from '../support/test-service.ts'

const services = suite<{ test: TestService }>('Service')

services.before.each((context) => {
  context.test = testService()
})
services.after.each(async ({ test }) => {
  await test.service.shutdown()
})

const WHOLE = `
receivers: {in: , in/2: }
processors: {step/a: , step/b: }
exporters: {out: , out/m: }
connectors: {bridge: }
extensions: {watch: , watch/unused: }
service:
  ${QUIET}
  extensions: [watch]
  pipelines:
    flows: {receivers: [in], processors: [step/a, step/b], exporters: [out, bridge]}
    flows/2: {receivers: [in, in/2], processors: [step/a], exporters: [out]}
    metrics: {receivers: [bridge], exporters: [out/m]}
`

services('starts extensions, exporters, connectors, processors from the last one on, receivers', async ({ test }) => {
  await test.service.start(await test.config(WHOLE))
  assert.equal(
    test.trace.events.filter((event) => !event.startsWith('create')),
    [
      'start extension/watch',
      'start exporter/out',
      'start exporter/out/m',
      'start connector/bridge',
      'start processor/step/b',
      'start processor/step/a',
      'start processor/step/a',
      'start receiver/in',
      'start receiver/in/2',
      'ready extension/watch',
    ],
  )
  assert.is(test.lines.at(-1)?.msg, 'Everything is ready. Begin running and processing data.')
})

services('stops in the reverse order, extensions told first and stopped last', async ({ test }) => {
  await test.service.start(await test.config(WHOLE))
  test.trace.events.length = 0
  assert.is(await test.service.shutdown(), true)
  assert.equal(test.trace.events, [
    'not_ready extension/watch',
    'shutdown receiver/in/2',
    'shutdown receiver/in',
    'shutdown processor/step/a',
    'shutdown processor/step/a',
    'shutdown processor/step/b',
    'shutdown connector/bridge',
    'shutdown exporter/out/m',
    'shutdown exporter/out',
    'shutdown extension/watch',
  ])
  assert.equal(
    test.lines.slice(-2).map((line) => line.msg),
    ['Starting shutdown...', 'Shutdown complete.'],
  )
})

services('receivers and exporters are shared by pipelines, processors are not', async ({ test }) => {
  await test.service.start(await test.config(WHOLE))
  const made = test.trace.events.filter((event) => event.startsWith('create'))
  assert.is(made.length, new Set(made).size + 1)
  await test.trace.receivers.get('in')?.next.consume(flowBatch([TCP_SYN]))
  assert.is(test.trace.exporters.get('out')?.batches.length, 2)
  assert.is(test.trace.exporters.get('bridge')?.batches.length, 1)
})

services('a failed start stops what had started, in order, and names the component', async ({ test }) => {
  const config = await test.config(WHOLE.replace('in/2: ', 'in/2: {fail_start: no such device}'))
  const error = await rejection(test.service.start(config))
  assert.is(error.message, 'failed to start "in/2" receiver: no such device')
  assert.equal(test.trace.events.filter((event) => event.startsWith('shutdown')).at(-1), 'shutdown extension/watch')
  assert.is(test.trace.events.filter((event) => event.startsWith('shutdown')).length, 9)
})

services('a component that cannot be made is named, and those made before it are let go', async ({ test }) => {
  const config = await test.config(WHOLE.replace('step/a: ', 'step/a: {fail_create: bad rule}'))
  const error = await rejection(test.service.start(config))
  assert.is(error.message, 'failed to create "step/a" processor: bad rule')
  assert.is(test.trace.events.filter((event) => event.startsWith('start')).length, 0)
  assert.ok(test.trace.events.includes('shutdown exporter/out'))
})

services('a component that hangs costs the deadline and nothing more', async ({ test }) => {
  const text = WHOLE.replace('in/2: ', 'in/2: {hang: true}').replace(QUIET, `${QUIET}\n  shutdown_timeout: 20ms`)
  await test.service.start(await test.config(text))
  assert.is(await test.service.shutdown(), false)
  assert.ok(test.trace.events.includes('shutdown extension/watch'))
  const line = test.lines.find(({ msg }) => msg === 'Failed to shut down "in/2" receiver')
  assert.is(line?.err?.message, 'still draining at the deadline, given up')
})

services('a slow consumer holds the receiver back until it is done', async ({ test }) => {
  await test.service.start(await test.config(WHOLE))
  const gate = Promise.withResolvers<void>()
  const bridge = test.trace.exporters.get('bridge')
  if (bridge !== undefined) bridge.gate = gate.promise
  let done = false
  const pending = Promise.resolve(test.trace.receivers.get('in')?.next.consume(flowBatch([TCP_SYN, TCP_SYN]))).then(
    () => {
      done = true
    },
  )
  await new Promise(setImmediate)
  assert.equal([done, test.metric('otelcol_receiver_accepted_flows', 'in')], [false, 0])
  gate.resolve()
  await pending
  assert.is(test.metric('otelcol_receiver_accepted_flows', 'in'), 2)
})

services('every component counts what goes through it', async ({ test }) => {
  await test.service.start(await test.config(WHOLE))
  await test.trace.receivers.get('in/2')?.next.consume(flowBatch([TCP_SYN, TCP_SYN, TCP_SYN]))
  const values = [
    ['otelcol_receiver_accepted_flows', 'in/2'],
    ['otelcol_receiver_refused_flows', 'in/2'],
    ['otelcol_processor_incoming_items', 'step/a'],
    ['otelcol_processor_outgoing_items', 'step/a'],
    ['otelcol_exporter_sent_flows', 'out'],
    ['otelcol_exporter_send_failed_flows', 'out'],
  ].map(([name = '', label = '']) => test.metric(name, label))
  assert.equal(values, [3, 0, 3, 3, 3, 0])
})

services('an exporter that fails is counted and named, the others get the data', async ({ test }) => {
  const text = WHOLE.replace('{out: ,', '{out: {fail_consume: connection refused},')
  await test.service.start(await test.config(text))
  const error = await rejection(async () => test.trace.receivers.get('in')?.next.consume(flowBatch([TCP_SYN])))
  assert.is(
    error.message,
    'pipeline "flows": exporter "out": connection refused; pipeline "flows/2": exporter "out": connection refused',
  )
  assert.is(test.trace.exporters.get('bridge')?.batches.length, 1)
  assert.is(test.metric('otelcol_exporter_send_failed_flows', 'out'), 2)
  assert.is(test.metric('otelcol_receiver_refused_flows', 'in'), 1)
  assert.is(test.lines.filter((line) => line.msg === 'Data refused by the pipeline').length, 1)
})

services('a pipeline that changes batches gets a copy where another one reads them', async ({ test }) => {
  await test.service.start(await test.config(WHOLE.replace('step/b: ', 'step/b: {mutates: true}')))
  const batch = flowBatch([TCP_SYN])
  await test.trace.receivers.get('in')?.next.consume(batch)
  const [first, second] = test.trace.exporters.get('out')?.batches ?? []
  assert.equal([first === batch, second === batch], [false, true])
  assert.equal(
    test.service.pipelines().map(({ id, mutates }) => [id, mutates]),
    [
      ['flows', true],
      ['flows/2', false],
      ['metrics', false],
    ],
  )
})

services('a fatal error is told once', async ({ test }) => {
  await test.service.start(await test.config(WHOLE))
  const receiver = test.trace.receivers.get('in')
  receiver?.report({ at: 'fatal_error', error: new Error('ring gone') })
  receiver?.report({ at: 'fatal_error', error: new Error('again') })
  receiver?.report({ at: 'ok' })
  assert.equal(
    test.fatals.map((error) => error.message),
    ['ring gone'],
  )
  assert.ok(test.lines.some((line) => line.msg === 'Asynchronous error received, terminating process'))
})

services('the host tells components with their pipelines and status', async ({ test }) => {
  await test.service.start(await test.config(WHOLE))
  test.trace.receivers.get('in')?.report({ at: 'recoverable_error', error: new Error('slow') })
  const views = test.service
    .components()
    .map(({ id, kind, pipelines, status }) => [kind, id, pipelines.join(' '), status.at])
  assert.equal(views, [
    ['extension', 'watch', '', 'ok'],
    ['exporter', 'out', 'flows flows/2', 'ok'],
    ['exporter', 'out/m', 'metrics', 'ok'],
    ['connector', 'bridge', 'flows metrics', 'ok'],
    ['processor', 'step/b', 'flows', 'ok'],
    ['processor', 'step/a', 'flows', 'ok'],
    ['processor', 'step/a', 'flows/2', 'ok'],
    ['receiver', 'in', 'flows flows/2', 'recoverable_error'],
    ['receiver', 'in/2', 'flows/2', 'ok'],
  ])
})

services('an alias is warned about', async ({ test }) => {
  await test.service.start(await test.config(WHOLE.replaceAll('out/m', 'old_out/m')))
  assert.ok(test.lines.some((line) => line.msg === '"old_out" alias is deprecated; use "out" instead'))
})

services('shutdown without start and twice is harmless', async ({ test }) => {
  assert.is(await test.service.shutdown(), true)
  await test.service.start(await test.config(WHOLE))
  await test.service.shutdown()
  const events = test.trace.events.length
  await test.service.shutdown()
  assert.is(test.trace.events.length, events)
})

services.run()
