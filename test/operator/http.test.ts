import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OperatorHttp } from '../../src/operator/http.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'

const test = suite('pages of the operator')
let standsBy: string | undefined = 'its caches are not filled'
const telemetry = new Telemetry()
const probes = { healthz: () => undefined, readyz: () => standsBy }
const http = new OperatorHttp('127.0.0.1:0', telemetry, probes, pino({ level: 'silent' }))

test.before(() => http.start())
test.after(() => http.shutdown(Date.now() + 1_000))

const cases = [
  { path: '/healthz', status: 200, text: 'ok\n' },
  { path: '/readyz', status: 503, text: 'its caches are not filled\n' },
  { path: '/readyz?verbose', status: 503, text: 'its caches are not filled\n' },
  { path: '/metric', status: 404, text: 'there are /metrics, /healthz and /readyz\n' },
]
for (const { path, status, text } of cases)
  test(`${path} answers ${status}`, async () => {
    const response = await fetch(http.url + path)
    assert.equal([response.status, await response.text()], [status, text])
  })

test('/readyz tells when it became ready', async () => {
  standsBy = undefined
  assert.is((await fetch(`${http.url}/readyz`)).status, 200)
})

test('/metrics has the names that Prometheus wants', async () => {
  telemetry.counter('fovea_operator_things', 'Things.', { label: 'a' }).add(3)
  const text = await (await fetch(`${http.url}/metrics`)).text()
  assert.match(text, /^fovea_operator_things_total\{label="a"\} 3$/m)
})

test.run()
