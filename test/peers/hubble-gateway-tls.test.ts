import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HubbleConfig } from '../../src/exporters/hubble/config.ts'
import type { HubbleReceiverConfig } from '../../src/receivers/hubble/config.ts'
import { type Certificates, makeCertificates, mutualTls } from '../support/certificates.ts'
import { ownMetric } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { GatewaySources, nodeNames } from '../support/gateway-sources.ts'
import { startHubble } from '../support/hubble.ts'
import { SAMPLE, sampleBatch } from '../support/hubble-flows.ts'
import { receiverSettings } from '../support/hubble-gateway.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

const test = suite('TLS between a hubble gateway and its sources')
const folder = new TemporaryFolder()
const sources = new GatewaySources()

test.after.each(() => sources.stop())
test.after(() => folder.remove())

test('mutual TLS under the names that nodes tell', async () => {
  const names = ['node-1', 'node-2'].map((node) => `${node}.default.hubble-grpc.cilium.io`)
  const pem = makeCertificates(folder.path, names)
  const [first, second] = await sources.cluster({ tls: { ...plainServer(), ...mutualTls(pem) } })
  const tls = clientTls(pem, names[0]!)
  const { connected, sink } = await sources.gate({ endpoint: first.server, peers: true, tls, last: 1_000 })
  await connected(2)
  second.exporter.consume(sampleBatch(second.endpoints))
  await sink.until(SAMPLE.length)
  assert.ok(nodeNames(sink).every((name) => name === 'node-2'))
})

test('certificates that changed are read again for the next connection', async () => {
  const name = 'node-1.default.hubble-grpc.cilium.io'
  const pem = makeCertificates(folder.path, [name])
  const endpoint = `127.0.0.1:${await freePort()}`
  const settings = { endpoint, tls: { ...plainServer(), ...mutualTls(pem) } }
  const before = await startHubble(settings)
  const tls = { ...clientTls(pem, name), reload_interval: 1 }
  const { connected, sink, context } = await sources.gate({ endpoint, tls, last: 1_000 })
  await connected()
  // Another authority, and all that it signed.
  makeCertificates(folder.path, [name])
  await before.stop()
  const after = await sources.agent(settings)
  after.exporter.consume(sampleBatch(after.endpoints))
  await sink.until(SAMPLE.length)
  const labels = { otelcol_component_kind: 'receiver', otelcol_component_id: 'hubble', files: 'tls', outcome: 'loaded' }
  assert.ok(ownMetric(context, 'fovea_file_reloads', labels) >= 1)
})

test('a node with TLS is refused by a receiver without', async () => {
  const pem = makeCertificates(folder.path, ['node-1.default.hubble-grpc.cilium.io'])
  const socket = { path: folder.at('plain.sock'), mode: 0o600, group: '' }
  await sources.agent({ tls: { ...plainServer(), ...mutualTls(pem) }, unix_socket: socket })
  const { context, metric } = await sources.gate({ endpoint: `unix://${socket.path}`, peers: true })
  await eventually('a refusal', () => metric('refused_peers') > 0 || undefined)
  assert.ok(context.lines.some(({ msg }) => msg.includes('is not followed: it serves TLS: set tls::ca_file')))
})

test('a wrong name in the certificate is told', async () => {
  const pem = makeCertificates(folder.path, ['node-1.default.hubble-grpc.cilium.io'])
  const one = await sources.agent({ tls: { ...plainServer(), ...mutualTls(pem) } })
  const { context } = await sources.gate({ endpoint: one.server, tls: clientTls(pem, 'somebody.else') })
  const failed = await eventually('a failure', () => context.statuses.find(({ at }) => at === 'recoverable_error'))
  assert.match((failed as { error: Error }).error.message, /somebody\.else/)
})

function plainServer(): HubbleConfig['tls'] {
  return { enabled: false, cert_file: '', key_file: '', client_ca_file: '', min_version: '1.3', reload_interval: 0 }
}

function clientTls({ ca, cert, key }: Certificates, name: string): HubbleReceiverConfig['tls'] {
  const { tls } = receiverSettings({})
  return { ...tls, insecure: false, ca_file: ca, cert_file: cert, key_file: key, server_name_override: name }
}

test.run()
