import { readFileSync, writeFileSync } from 'node:fs'
import { ServerCredentials } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { otlpGrpcConfig } from '../../../src/exporters/otlp_grpc/config.ts'
import { decode } from '../../../src/pipeline/config/decode.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { flowExporter, otlpConfig } from '../../support/exporter-config.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { ScriptedGrpcBackend } from '../../support/otlp-server.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'
import { treeOf } from '../../support/trees.ts'

const test = suite('authentication of otlp_grpc')

test('token and password are sent over TLS, with the name that was configured', async () => {
  const folder = new TemporaryFolder()
  const { ca, cert, key } = makeCertificates(folder.path, ['backend.example'])
  const pair = { private_key: readFileSync(key), cert_chain: readFileSync(cert) }
  const backend = new ScriptedGrpcBackend(ServerCredentials.createSsl(null, [pair]))
  await backend.start()
  writeFileSync(folder.at('secret'), 's3cr3t\n')
  const off = { enabled: false, username: '', password_file: '', token_file: '' }
  const bearer = { basic: off, bearer: { enabled: true, token_file: folder.at('secret') } }
  const basic = { basic: { enabled: true, username: 'me', password_file: folder.at('secret') }, bearer: off }
  const tls = { ...otlpConfig('').tls, insecure: false, ca_file: ca, server_name_override: 'backend.example' }
  try {
    for (const [auth, header] of [
      [bearer, 'Bearer s3cr3t'],
      [basic, 'Basic bWU6czNjcjN0'],
    ] as const) {
      const context = createContext('exporter', 'otlp_grpc')
      const headers = { 'x-scope-orgid': 'team' }
      const exporter = flowExporter(context, otlpConfig(`localhost:${backend.port}`, { tls, auth, headers }))
      await exporter.start()
      exporter.consume(flowBatch([TCP_SYN]))
      const sent = () => ownMetric(context, 'otelcol_exporter_sent_flows', { exporter: 'otlp_grpc' })
      await eventually('the flow', () => sent() || undefined)
      await exporter.shutdown(Date.now() + 5_000)
      assert.is(backend.headers.authorization, header)
      assert.is(backend.headers['x-scope-orgid'], 'team')
    }
  } finally {
    backend.stop()
    folder.remove()
  }
})

test('over plain text it is refused when the configuration is read', () => {
  for (const where of ['endpoint: "http://c:4317"', 'endpoint: "c:4317", tls: {insecure: true}']) {
    const written = `{${where}, auth: {bearer: {token_file: /t}}}`
    const { problems } = decode(otlpGrpcConfig, treeOf(written, 'c.yaml'), [])
    assert.equal(
      problems.map(({ path, message }) => `${path.join('::')}: ${message}`),
      ['auth: needs TLS: in plain text everybody reads the secret'],
    )
  }
})

test.run()
