import { connect } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OwnMetrics } from '../../src/pipeline/own-metrics.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'
import { createContext } from '../support/create-context.ts'

const metrics = suite<{ telemetry: Telemetry; own: OwnMetrics }>('OwnMetrics')

const reader = (port: number) => ({ pull: { exporter: { prometheus: { host: '127.0.0.1', port } } } })

metrics.before.each((context) => {
  context.telemetry = new Telemetry()
  context.own = new OwnMetrics(context.telemetry, createContext('extension', 'x').log, '')
})
metrics.after.each(({ own }) => own.shutdown(Date.now()))

metrics('served under their own names, without a suffix', async ({ telemetry, own }) => {
  telemetry.counter('otelcol_receiver_accepted_flows', 'Flows.', { receiver: 'ebpf/x' }).add(7)
  await own.start({ level: 'normal', readers: [reader(0), reader(0)] })
  const urls = own.endpoints().map(({ url }) => url)
  assert.is(new Set(urls).size, 2)
  for (const url of urls) {
    const response = await fetch(url)
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    assert.match(await response.text(), /^otelcol_receiver_accepted_flows\{receiver="ebpf\/x"\} 7$/m)
  }
})

metrics('other paths are told where they are', async ({ own }) => {
  await own.start({ level: 'normal', readers: [reader(0)] })
  const response = await fetch(new URL('/', own.endpoints()[0]?.url))
  assert.equal([response.status, await response.text()], [404, 'own metrics are at /metrics\n'])
})

metrics('level none serves nothing', async ({ own }) => {
  await own.start({ level: 'none', readers: [reader(0)] })
  assert.equal(own.endpoints(), [])
})

metrics('an address in use is told with the setting', async ({ telemetry, own }) => {
  await own.start({ level: 'normal', readers: [reader(0)] })
  const port = Number(new URL(own.endpoints()[0]?.url ?? '').port)
  const second = new OwnMetrics(telemetry, createContext('extension', 'x').log, '')
  const message = await second.start({ level: 'normal', readers: [reader(port)] }).then(
    () => '',
    (error: Error) => error.message,
  )
  assert.match(
    message,
    new RegExp(`^service::telemetry::metrics: listen on 127\\.0\\.0\\.1:${port}: address already in use`),
  )
})

metrics('a client that never reads does not hold up the end', async ({ telemetry, own }) => {
  for (let i = 0; i < 2_000; i++) telemetry.counter('a', '', { x: `${i}`.padStart(4_000, 'x') }).add(1)
  await own.start({ level: 'normal', readers: [reader(0)] })
  const socket = connect(Number(new URL(own.endpoints()[0]?.url ?? '').port), '127.0.0.1')
  socket.pause()
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')
  await new Promise((resolve) => socket.once('readable', resolve))
  await own.shutdown(Date.now() + 20)
  socket.destroy()
})

metrics.run()
