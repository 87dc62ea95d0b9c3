import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ZpagesConfig, zpagesConfig } from '../../../src/extensions/zpages/config.ts'
import { Zpages } from '../../../src/extensions/zpages/extension.ts'
import type { ComponentView, Host, ReloadView } from '../../../src/pipeline/component.ts'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { createContext } from '../../support/create-context.ts'

const zpages = suite<{ extension: Zpages; host: { reload: ReloadView | undefined } }>('zpages')

const NOW = Date.parse('2026-11-22T15:01:30Z')
const component = (kind: ComponentView['kind'], id: string, pipelines: string[], status: ComponentView['status']) => ({
  kind,
  id,
  pipelines,
  status,
  sinceMs: NOW - 5_000,
})

function hostOf(state: { reload: ReloadView | undefined }): Host {
  return {
    startedMs: NOW - 90_000,
    components: () => [
      component('extension', 'zpages', [], { at: 'ok' }),
      component('receiver', 'ebpf', ['flows'], { at: 'ok' }),
      component('connector', 'hubble_metrics', ['flows', 'metrics'], { at: 'ok' }),
      component('exporter', 'otlp/<b>', ['metrics'], {
        at: 'recoverable_error',
        error: new Error('no <route> & no "peer"'),
      }),
    ],
    pipelines: () => [
      {
        id: 'flows',
        signal: 'flows',
        receivers: ['ebpf'],
        processors: [],
        exporters: ['hubble_metrics'],
        mutates: true,
      },
      {
        id: 'metrics',
        signal: 'metrics',
        receivers: ['hubble_metrics'],
        processors: [],
        exporters: ['otlp/<b>'],
        mutates: false,
      },
    ],
    endpoints: () => [{ name: 'Hubble API', url: 'localhost:4245', hint: 'hubble observe --server localhost:4245' }],
    lastReload: () => state.reload,
  }
}

zpages.before.each(async (context) => {
  context.host = { reload: undefined }
  const config = { ...(defaultsOf(zpagesConfig.schema) as unknown as ZpagesConfig), endpoint: '127.0.0.1:0' }
  context.extension = new Zpages(createContext('extension', 'zpages'), config, hostOf(context.host), () => NOW)
  await context.extension.start()
})
zpages.after.each(({ extension }) => extension.shutdown(Date.now()))

async function get(extension: Zpages, page: string): Promise<string> {
  const response = await fetch(`${new URL(extension.endpoints()[0]?.url ?? '').origin}/debug/${page}`)
  assert.is(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', 'text/html')
  return response.text()
}

zpages('servicez tells uptime, addresses and every component', async ({ extension, host }) => {
  const text = await get(extension, 'servicez')
  for (const part of [
    '1m30s',
    'hubble observe --server localhost:4245',
    'ebpf',
    'recoverable error',
    '<td>none</td>',
  ]) {
    assert.ok(text.includes(part), part)
  }
  host.reload = { atMs: NOW, error: new Error('unknown key "x"') }
  assert.match(await get(extension, 'servicez'), 'refused, the old configuration runs: unknown key &quot;x&quot;')
  host.reload = { atMs: NOW, error: undefined }
  assert.match(await get(extension, 'servicez'), 'in force')
})

zpages('nothing of the outside becomes markup', async ({ extension }) => {
  const text = await get(extension, 'servicez')
  assert.ok(text.includes('no &lt;route&gt; &amp; no &quot;peer&quot;'))
  assert.ok(text.includes('otlp/&lt;b&gt;'))
  assert.not.ok(text.includes('<route>') || text.includes('<b>'))
})

zpages('pipelinez shows pipelines, and by name the status of their components', async ({ extension }) => {
  const all = await get(extension, 'pipelinez')
  assert.ok(all.includes('pipelinez?pipelinenamez=flows&amp;componentnamez=ebpf&amp;componentkindz=receiver'))
  assert.not.ok(all.includes('recoverable error'))
  assert.ok((await get(extension, 'pipelinez?pipelinenamez=metrics')).includes('recoverable error'))
  const one = await get(
    extension,
    'pipelinez?pipelinenamez=metrics&componentnamez=hubble_metrics&componentkindz=receiver',
  )
  assert.not.ok(one.includes('recoverable error'))
})

zpages('extensionz shows extensions alone', async ({ extension }) => {
  const text = await get(extension, 'extensionz')
  assert.ok(text.includes('<td>zpages</td>') && !text.includes('ebpf'))
})

zpages('other pages do not exist', async ({ extension }) => {
  const { origin } = new URL(extension.endpoints()[0]?.url ?? '')
  for (const path of ['/', '/debug/', '/debug/tracez', '/debug/constructor', '//debug', '/debug/servicez/x']) {
    assert.is((await fetch(origin + path)).status, 404, path)
  }
})

zpages('listens where the Collector does', () => {
  assert.is((defaultsOf(zpagesConfig.schema) as unknown as ZpagesConfig).endpoint, 'localhost:55679')
})

zpages.run()
