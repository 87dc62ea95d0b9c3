import { createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flowBatch, TCP_SYN } from '../support/flows.ts'
import { rejection } from '../support/rejection.ts'
import { QUIET, type TestService, testService } from '../support/test-service.ts'

const reloads = suite<{ test: TestService }>('Service.reload')

const OLD = `
receivers: {in: , in/2: }
processors: {step: }
exporters: {out: , out/2: , out/m: }
connectors: {bridge: }
extensions: {watch: }
service:
  ${QUIET}
  extensions: [watch]
  pipelines:
    flows: {receivers: [in], processors: [step], exporters: [out, bridge]}
    flows/2: {receivers: [in/2], exporters: [out/2]}
    metrics: {receivers: [bridge], exporters: [out/m]}
`

reloads.before.each(async (context) => {
  context.test = testService()
  await context.test.service.start(await context.test.config(OLD))
  context.test.trace.events.length = 0
})
reloads.after.each(async ({ test }) => {
  await test.service.shutdown()
})

const cases = [
  { name: 'the same configuration restarts nothing', text: OLD, events: [] },
  {
    name: 'a changed receiver is restarted alone',
    text: OLD.replace('in/2: ', 'in/2: {tag: new}'),
    events: ['create receiver/in/2', 'shutdown receiver/in/2', 'start receiver/in/2'],
  },
  {
    name: 'a changed processor is restarted with what feeds it; exporters keep what they hold',
    text: OLD.replace('step: ', 'step: {tag: new}'),
    events: [
      'create processor/step',
      'create receiver/in',
      'shutdown receiver/in',
      'shutdown processor/step',
      'start processor/step',
      'start receiver/in',
    ],
  },
  {
    name: 'a changed connector is restarted with both its sides',
    text: OLD.replace('bridge: ', 'bridge: {tag: new}'),
    events: [
      'create connector/bridge',
      'create exporter/out/m',
      'create processor/step',
      'create receiver/in',
      'shutdown receiver/in',
      'shutdown processor/step',
      'shutdown connector/bridge',
      'shutdown exporter/out/m',
      'start exporter/out/m',
      'start connector/bridge',
      'start processor/step',
      'start receiver/in',
    ],
  },
  {
    name: 'a pipeline that goes takes its components along',
    text: OLD.replace(/ {4}flows\/2.*\n/, ''),
    events: ['shutdown receiver/in/2', 'shutdown exporter/out/2'],
  },
  {
    name: 'a new extension is started and told that all is ready',
    text: OLD.replace('{watch: }', '{watch: , watch/2: }').replace('[watch]', '[watch, watch/2]'),
    events: ['create extension/watch/2', 'start extension/watch/2', 'ready extension/watch/2'],
  },
]
for (const { name, text, events } of cases) {
  reloads(name, async ({ test }) => {
    await test.service.reload(await test.config(text))
    assert.equal(test.trace.events, events)
    assert.is(test.service.lastReload()?.error, undefined)
  })
}

reloads('a change of what all depend on restarts all', async ({ test }) => {
  await test.service.reload(
    await test.config(OLD.replace(QUIET, `${QUIET.replace('}}', '}, resource: {host.name: x}}')}`)),
  )
  assert.is(test.trace.events.filter((event) => event.startsWith('start')).length, 8)
  assert.is(test.trace.events.filter((event) => event.startsWith('shutdown')).length, 8)
})

reloads('data flows through the new graph, and counters go on', async ({ test }) => {
  await test.trace.receivers.get('in')?.next.consume(flowBatch([TCP_SYN]))
  await test.service.reload(await test.config(OLD.replace('step: ', 'step: {tag: new}')))
  await test.trace.receivers.get('in')?.next.consume(flowBatch([TCP_SYN, TCP_SYN]))
  assert.is(test.trace.exporters.get('out')?.batches.length, 2)
  assert.is(test.metric('otelcol_receiver_accepted_flows', 'in'), 3)
})

reloads('what cannot be made leaves everything running', async ({ test }) => {
  const config = await test.config(OLD.replace('step: ', 'step: {fail_create: bad rule}'))
  assert.is((await rejection(test.service.reload(config))).message, 'failed to create "step" processor: bad rule')
  assert.equal(test.trace.events, [])
  assert.is(test.service.lastReload()?.error?.message, 'failed to create "step" processor: bad rule')
})

reloads('what does not start is taken down and the old configuration brought back', async ({ test }) => {
  const config = await test.config(OLD.replace('in/2: ', 'in/2: {fail_start: port in use}'))
  assert.is((await rejection(test.service.reload(config))).message, 'failed to start "in/2" receiver: port in use')
  assert.equal(test.trace.events, [
    'create receiver/in/2',
    'shutdown receiver/in/2',
    'start receiver/in/2',
    'shutdown receiver/in/2',
    'create receiver/in/2',
    'start receiver/in/2',
  ])
  await test.trace.receivers.get('in/2')?.next.consume(flowBatch([TCP_SYN]))
  assert.is(test.trace.exporters.get('out/2')?.batches.length, 1)
  assert.ok(test.service.components().every(({ status }) => status.at === 'ok'))
  assert.equal(test.fatals, [])
})

reloads('own metrics move, and stay where they were when they cannot', async ({ test }) => {
  const metricsAt = (port: number) =>
    OLD.replace(
      'level: none',
      `readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ${port}}}}}], level: basic`,
    )
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  await test.service.reload(await test.config(metricsAt(0)))
  const refused = await rejection(
    test.service.reload(await test.config(metricsAt((other.address() as { port: number }).port))),
  )
  other.close()
  assert.match(refused.message, /^service::telemetry::metrics: listen on 127\.0\.0\.1:\d+: address already in use/)
  const text = await (await fetch(test.service.endpoints()[0]?.url ?? '')).text()
  assert.match(text, /^target_info\{/m)
})

reloads('the resource is told as it is, not as it was', async ({ test }) => {
  const text = OLD.replace(QUIET, `${QUIET.replace('}}', '}, resource: {host.name: x}}')}`)
  await rejection(test.service.reload(await test.config(text.replace('in/2: ', 'in/2: {fail_start: x}'))))
  const series = () => test.service.telemetry.families().filter(({ name, size }) => name === 'target_info' && size > 0)
  assert.is(series()[0]?.labels.includes('host_name'), false)
  await test.service.reload(await test.config(text))
  assert.equal(
    series().map(({ labels }) => labels.includes('host_name')),
    [true],
  )
})

reloads('after a refused one the next good one is taken', async ({ test }) => {
  await rejection(test.service.reload(await test.config(OLD.replace('in/2: ', 'in/2: {fail_start: port in use}'))))
  test.trace.events.length = 0
  await test.service.reload(await test.config(OLD.replace('in/2: ', 'in/2: {tag: good}')))
  assert.equal(test.trace.events, ['create receiver/in/2', 'shutdown receiver/in/2', 'start receiver/in/2'])
  assert.is(test.service.lastReload()?.error, undefined)
})

reloads.run()
