import { createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConfigFolder, FoveaProcess, fovea } from '../support/fovea-process.ts'

const runs = suite<{ folder: ConfigFolder; started: FoveaProcess[] }>('fovea run')

runs.before.each((context) => {
  context.folder = new ConfigFolder()
  context.started = []
})
runs.after.each(async ({ folder, started }) => {
  for (const process of started) await process.kill()
  folder.remove()
})

const READY = /Everything is ready. Begin running and processing data./

/** With the debug exporter, so that addresses are printed; every port is a free one. */
const CONFIG = `
receivers: {nop: }
exporters: {debug: }
extensions: {health_check: {endpoint: "localhost:0"}}
service:
  extensions: [health_check]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {port: 0}}}}]}}
  pipelines: {flows: {receivers: [nop], exporters: [debug]}}
`

/** Starts and waits until it is ready. */
async function running(context: { started: FoveaProcess[] }, ...args: string[]): Promise<FoveaProcess> {
  const process = new FoveaProcess(['run', ...args])
  context.started.push(process)
  await process.wrote(READY)
  return process
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  runs(`${signal} drains and ends with status 0`, async (context) => {
    const process = await running(context, '--config', context.folder.write('c.yaml', CONFIG))
    process.signal(signal)
    const { status, stderr } = await process.ended()
    assert.is(status, 0)
    assert.match(stderr, /Starting shutdown\.\.\.[\s\S]*Shutdown complete\./)
  })
}

runs('tells where to look: health answers, own metrics are there', async (context) => {
  const process = await running(context, '--config', context.folder.write('c.yaml', CONFIG))
  const health = (await process.wrote(/Health +(http\S+)/))[1] ?? ''
  const metrics = (await process.wrote(/Own metrics +(http\S+)/))[1] ?? ''
  const answer = await fetch(health)
  assert.equal([answer.status, ((await answer.json()) as { status: string }).status], [200, 'Server available'])
  const text = await (await fetch(metrics)).text()
  assert.match(text, /^otelcol_receiver_accepted_flows\{receiver="nop"\} 0$/m)
  assert.match(text, /^otelcol_process_uptime [\d.]+$/m)
  assert.match(text, /^target_info\{service_name="fovea",service_version="[^"]+",service_instance_id="[^"]+"\} 1$/m)
})

runs('a port in use is told with its component, and the end is in order', async (context) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as { port: number }
  const file = context.folder.write('c.yaml', CONFIG.replace('"localhost:0"', `"127.0.0.1:${port}"`))
  const { status, stderr } = await fovea(['run', '--config', file])
  other.close()
  assert.is(status, 1)
  const message = `Error: failed to start "health_check" extension: listen on 127.0.0.1:${port}: address already in use`
  assert.ok(stderr.trimEnd().split('\n').at(-1)?.startsWith(message), stderr)
  assert.match(stderr, /Shutdown complete\./)
})

runs('SIGHUP takes a good configuration over and keeps what is unchanged', async (context) => {
  const file = context.folder.write('c.yaml', CONFIG)
  const process = await running(context, '--config', file)
  const health = (await process.wrote(/Health +(http\S+)/))[1] ?? ''
  context.folder.write('c.yaml', CONFIG.replace('{debug: }', '{debug: {verbosity: basic}}'))
  process.signal('SIGHUP')
  await process.wrote(/Configuration reloaded.*"restarted":2,"kept":1/)
  assert.is((await fetch(health)).status, 200)
})

runs('SIGHUP with a bad configuration tells why and keeps the old one running', async (context) => {
  const file = context.folder.write('c.yaml', CONFIG)
  const process = await running(context, '--config', file)
  const health = (await process.wrote(/Health +(http\S+)/))[1] ?? ''
  context.folder.write('c.yaml', CONFIG.replace('nop: ', 'nop: {x: 1}'))
  process.signal('SIGHUP')
  await process.wrote(/the old one keeps running: invalid configuration: receivers::nop: unknown key "x"/)
  assert.is((await fetch(health)).status, 200)
  context.folder.write('c.yaml', CONFIG)
  process.signal('SIGHUP')
  await process.wrote(/Configuration reloaded.*"restarted":0/)
})

runs('SIGHUP with a configuration that does not start brings the old one back', async (context) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as { port: number }
  const process = await running(context, '--config', context.folder.write('c.yaml', CONFIG))
  context.folder.write('c.yaml', CONFIG.replace('"localhost:0"', `"127.0.0.1:${port}"`))
  process.signal('SIGHUP')
  await process.wrote(
    /the old one was brought back: failed to start "health_check" extension: .*address already in use/,
  )
  other.close()
  process.signal('SIGTERM')
  assert.is((await process.ended()).status, 0)
})

runs('a changed file is taken over where it is watched', async (context) => {
  const watched = CONFIG.replace('service:', 'service:\n  watch_config: true')
  const process = await running(context, '--config', context.folder.write('c.yaml', watched))
  context.folder.write('c.yaml', watched.replace('{debug: }', '{debug: {verbosity: basic}}'))
  await process.wrote(/Configuration reloaded.*"restarted":2/)
})

runs('a configuration without a command runs', async (context) => {
  const process = new FoveaProcess(['--config', context.folder.write('c.yaml', CONFIG)])
  context.started.push(process)
  await process.wrote(READY)
})

runs('logs may be JSON', async (context) => {
  const json = CONFIG.replace('telemetry: {', 'telemetry: {logs: {encoding: json}, ')
  const process = await running(context, '--config', context.folder.write('c.yaml', json))
  process.signal('SIGTERM')
  const lines = (await process.ended()).stderr.trimEnd().split('\n')
  const first = JSON.parse(lines.find((line) => READY.test(line)) ?? '{}')
  assert.is(first.level, 'info')
  assert.ok(!Number.isNaN(Date.parse(first.time)))
})

runs.run()
