import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConfigFolder, FoveaProcess, TEST_MAIN } from '../support/fovea-process.ts'
import { QUIET } from '../support/test-service.ts'

const endings = suite<{ folder: ConfigFolder; started: FoveaProcess[] }>('fovea run')

endings.before.each((context) => {
  context.folder = new ConfigFolder()
  context.started = []
})
endings.after.each(async ({ folder, started }) => {
  for (const process of started) await process.kill()
  folder.remove()
})

const config = (receiver: string, exporter = '') => `
receivers: {in: ${receiver}}
exporters: {out: ${exporter}}
service:
  ${QUIET}
  pipelines: {flows: {receivers: [in], exporters: [out]}}
`

function start(context: { started: FoveaProcess[] }, ...args: string[]): FoveaProcess {
  const process = new FoveaProcess(['run', ...args], {}, TEST_MAIN)
  context.started.push(process)
  return process
}

endings('a second signal ends it at once, though a component is still draining', async (context) => {
  const process = start(context, '--config', context.folder.write('c.yaml', config('', '{hang: true}')))
  await process.wrote(/Everything is ready/)
  process.signal('SIGINT')
  await process.wrote(/Starting shutdown/)
  // The first repetition may count as the same press of the key.
  const again = setInterval(() => process.signal('SIGTERM'), 200)
  const { status, stderr } = await process.ended()
  clearInterval(again)
  assert.is(status, 1)
  assert.match(stderr, /SIGTERM again: ending without waiting for what is still draining/)
  assert.not.match(stderr, /Shutdown complete/)
})

endings('a component that hangs makes the status 1 at the deadline', async (context) => {
  const text = config('', '{hang: true}').replace(QUIET, `${QUIET}\n  shutdown_timeout: 50ms`)
  const process = start(context, '--config', context.folder.write('c.yaml', text))
  await process.wrote(/Everything is ready/)
  process.signal('SIGTERM')
  const { status, stderr } = await process.ended()
  assert.is(status, 1)
  assert.match(stderr, /Failed to shut down "out" exporter.*still draining at the deadline, given up/)
})

endings('where nothing can be observed it says so first and runs the fallback', async (context) => {
  const main = context.folder.write('main.yaml', config('{nothing: "no BTF (/sys/kernel/btf/vmlinux)"}'))
  const fallback = context.folder.write('replay.yaml', config('{tag: replay}'))
  const process = start(context, '--config', main, '--fallback', fallback)
  await process.wrote(/Everything is ready/)
  const text = process.output
  assert.match(text, /NOTHING OF THIS MACHINE CAN BE OBSERVED:\nno BTF \(\/sys\/kernel\/btf\/vmlinux\)/)
  assert.match(text, `Running ${fallback} instead`)
  assert.ok(text.indexOf('NOTHING OF') < text.indexOf('Everything is ready'))
  process.signal('SIGTERM')
  assert.is((await process.ended()).status, 0)
})

endings('without a fallback that is an error like any other', async (context) => {
  const process = start(context, '--config', context.folder.write('c.yaml', config('{nothing: no BTF}')))
  const { status, stderr } = await process.ended()
  assert.is(status, 1)
  assert.match(stderr, /\nError: failed to start "in" receiver: no BTF\n$/)
})

endings('another failure does not run the fallback', async (context) => {
  const main = context.folder.write('main.yaml', config('{fail_start: no such device}'))
  const fallback = context.folder.write('replay.yaml', config(''))
  const { status, stderr } = await start(context, '--config', main, '--fallback', fallback).ended()
  assert.is(status, 1)
  assert.match(stderr, /\nError: failed to start "in" receiver: no such device\n$/)
})

endings.run()
