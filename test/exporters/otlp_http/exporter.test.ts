import { writeFileSync } from 'node:fs'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { otlpHttpConfig } from '../../../src/exporters/otlp_http/config.ts'
import { decode } from '../../../src/pipeline/config/decode.ts'
import { Authorization } from '../../../src/pipeline/settings/client-auth.ts'
import { NO_REPORTS } from '../../../src/pipeline/settings/server-reports.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { httpFlowExporter, otlpHttp } from '../../support/exporter-config.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { ScriptedHttpBackend } from '../../support/otlp-server.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'
import { treeOf } from '../../support/trees.ts'

const LABELS = { exporter: 'otlp_http' }

const http = suite('otlp_http')
let backend: ScriptedHttpBackend

http.before.each(async () => {
  backend = new ScriptedHttpBackend()
  await backend.start()
})
http.after.each(() => backend.stop())

async function deliverOne(config: ReturnType<typeof otlpHttp>): Promise<ReturnType<typeof createContext>> {
  const context = createContext('exporter', 'otlp_http')
  const exporter = httpFlowExporter(context, config)
  await exporter.start()
  exporter.consume(flowBatch([{ ...TCP_SYN, bytes: 7 }]))
  await eventually('the flow', () => ownMetric(context, 'otelcol_exporter_sent_flows', LABELS) || undefined)
  await exporter.shutdown(Date.now() + 5_000)
  return context
}

http('a connection that is reset is made again', async () => {
  backend.script.push({ status: 200, reset: true }, { status: 200, reset: true })
  await deliverOne(otlpHttp(`http://127.0.0.1:${backend.port}`))
  assert.equal(backend.taken, [7])
  assert.is(backend.times.length, 3)
})

http('configured headers are sent, and say who sends', async () => {
  const headers = { 'x-scope-orgid': 'team', authorization: 'Bearer t0k3n' }
  await deliverOne(otlpHttp(`http://127.0.0.1:${backend.port}`, { headers }))
  assert.is(backend.headers['x-scope-orgid'], 'team')
  assert.is(backend.headers.authorization, 'Bearer t0k3n')
  assert.is(backend.headers['content-type'], 'application/x-protobuf')
  assert.is(backend.headers['content-encoding'], 'gzip')
  assert.is(backend.headers['user-agent'], 'fovea/0.0.0')
})

http('requests go through the proxy that is configured', async () => {
  const seen: string[] = []
  const proxy = createServer((request, answer) => {
    seen.push(String(request.url))
    const { pathname } = new URL(String(request.url))
    const target = { port: backend.port, path: pathname, method: request.method, headers: request.headers }
    request.pipe(
      forward({ host: '127.0.0.1', ...target }, (response) => {
        answer.writeHead(response.statusCode ?? 0, response.headers)
        response.pipe(answer)
      }),
    )
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const proxy_url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  try {
    await deliverOne(otlpHttp('http://collector.invalid:4318', { proxy_url }))
    assert.equal(seen, ['http://collector.invalid:4318/v1/logs'])
    assert.equal(backend.taken, [7])
  } finally {
    proxy.close()
    proxy.closeAllConnections()
  }
})

http('secrets come from files', async () => {
  const folder = new TemporaryFolder()
  const file = folder.at('secret')
  writeFileSync(file, 's3cr3t\n')
  const off = { enabled: false, username: '', password_file: '', token_file: '' }
  const bearer = await Authorization.open({ basic: off, bearer: { enabled: true, token_file: file } }, NO_REPORTS)
  assert.is(await bearer?.value(), 'Bearer s3cr3t')
  const basic = { enabled: true, username: 'me', password_file: file }
  assert.is(await (await Authorization.open({ basic, bearer: off }, NO_REPORTS))?.value(), 'Basic bWU6czNjcjN0')
  writeFileSync(file, 'two\nlines')
  try {
    await Authorization.open({ basic: off, bearer: { enabled: true, token_file: file } }, NO_REPORTS)
    assert.unreachable()
  } catch (error) {
    assert.is((error as Error).message, `auth::bearer::token_file: ${file} is empty, or no line of printable ASCII`)
  }
  folder.remove()
})

const GOOD = 'endpoint: "https://collector:4318"'
const mistakes: { written: string; problem: string }[] = [
  { written: `{${GOOD}}`, problem: '' },
  { written: '{logs_endpoint: "http://collector:4318/v1/logs"}', problem: '' },
  { written: '{}', problem: 'endpoint: requires a non-empty "endpoint"' },
  { written: '{endpoint: "::::"}', problem: 'endpoint: expected a URL such as "https://collector:4318"' },
  { written: '{endpoint: "collector:4318"}', problem: 'endpoint: expected a URL such as "https://collector:4318"' },
  {
    written: `{${GOOD}, headers: {content-type: x}}`,
    problem: 'headers::content-type: this header is set by the exporter itself',
  },
  { written: `{${GOOD}, headers: {"a b": x}}`, problem: 'headers::a b: no name of an HTTP header' },
  {
    written: '{endpoint: "http://collector:4318", auth: {bearer: {token_file: /t}}}',
    problem: 'auth: needs TLS: in plain text everybody reads the secret',
  },
  {
    written: `{${GOOD}, auth: {basic: {username: "a:b", password_file: /p}}}`,
    problem: 'auth::basic::username: a username has no colon (RFC 7617)',
  },
  {
    written: `{${GOOD}, sending_queue: {queue_size: 1000}}`,
    problem:
      'sending_queue::queue_size: must be 4194304 or more, for one request to fit: it counts bytes; or set `sizer: requests` (or `items`) if that is what the number counts',
  },
  { written: `{${GOOD}, sending_queue: {queue_size: 1000, sizer: requests}}`, problem: '' },
  {
    written: `{${GOOD}, sending_queue: {batch: {min_size: 2000}}}`,
    problem: "sending_queue::batch::min_size: must not be more than 'max_size'",
  },
]
for (const { written, problem } of mistakes)
  http(`configuration ${written}`, () => {
    const { problems } = decode(otlpHttpConfig, treeOf(written, 'c.yaml'), [])
    const told = problems.map(({ path, message }) => `${path.join('::')}: ${message}`)
    assert.equal(told, problem === '' ? [] : [problem])
  })

http.run()
