import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type HealthCheckConfig, healthCheckConfig } from '../../../src/extensions/health_check/config.ts'
import { HealthCheck } from '../../../src/extensions/health_check/extension.ts'
import { decode, defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { createContext } from '../../support/create-context.ts'
import { treeOf } from '../../support/trees.ts'

const health = suite<{ open: HealthCheck[] }>('health_check')

health.before.each((context) => {
  context.open = []
})
health.after.each(async ({ open }) => {
  for (const extension of open) await extension.shutdown(Date.now())
})

const defaults = defaultsOf(healthCheckConfig.schema) as unknown as HealthCheckConfig

async function started(open: HealthCheck[], config: Partial<HealthCheckConfig> = {}, clock?: () => number) {
  const settings = { ...defaults, endpoint: '127.0.0.1:0', ...config }
  const extension = new HealthCheck(createContext('extension', 'health_check'), settings, clock)
  open.push(extension)
  await extension.start()
  const url = extension.endpoints()[0]?.url ?? ''
  return { extension, ask: (path = url) => fetch(path), url }
}

health(
  'answers 503 until all is ready, 200 from then on, 503 again from the first moment of the end',
  async ({ open }) => {
    let nowMs = Date.parse('2026-11-22T15:00:00Z')
    const { extension, ask } = await started(open, {}, () => nowMs)
    const before = await ask()
    assert.equal(
      [before.status, await before.json()],
      [503, { status: 'Server not available', upSince: '0001-01-01T00:00:00Z', uptime: '' }],
    )
    extension.notify('ready')
    nowMs += 1_500
    const ready = await ask()
    assert.equal([ready.status, ready.headers.get('content-type')], [200, 'application/json'])
    assert.equal(await ready.json(), {
      status: 'Server available',
      upSince: '2026-11-22T15:00:00.000Z',
      uptime: '1.5s',
    })
    extension.notify('not_ready')
    assert.is((await ask()).status, 503)
  },
)

health('path and bodies may be chosen', async ({ open }) => {
  const config = { path: '/live', response_body: { healthy: 'up', unhealthy: 'down' } }
  const { extension, ask, url } = await started(open, config)
  assert.match(url, /\/live$/)
  assert.is(await (await ask()).text(), 'down')
  extension.notify('ready')
  assert.is(await (await ask()).text(), 'up')
  assert.is((await ask(url.replace('/live', '/'))).status, 404)
})

health('a path without a slash and half a certificate are told', () => {
  const { problems } = decode(healthCheckConfig, treeOf('path: live\ntls: {key_file: k.pem}'), [
    'extensions',
    'health_check',
  ])
  assert.equal(
    problems.map(({ path, message }) => [path.slice(2).join('::'), message]),
    [
      ['tls::cert_file', 'TLS configuration must include both certificate and key for server connections'],
      ['path', 'path must start with /, got "live"'],
    ],
  )
})

health('listens where the Collector does', () =>
  assert.equal([defaults.endpoint, defaults.path], ['localhost:13133', '/']),
)

health.run()
