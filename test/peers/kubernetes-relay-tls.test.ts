import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { RelayedNodes } from '../support/relayed-nodes.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'
import { sendTcp } from '../support/traffic.ts'

/** As Cilium ships it: agents of a cluster share a certificate for all nodes' names, the relay has one of its own. */
const test = suite('hubble-relay and agents with certificates')

const folder = new TemporaryFolder()
const { ca, cert, key } = makeCertificates(folder.path, ['*.east.hubble-grpc.cilium.io', '*.hubble-relay.cilium.io'])

/** What the CLI shows of itself and whom it trusts. */
const TRUST = ['--tls', '--tls-ca-cert-files', ca]
const CERTIFICATE = ['--tls-client-cert-file', cert, '--tls-client-key-file', key]

let relayed: RelayedNodes

test.before(async () => {
  const tls = `{cert_file: ${cert}, key_file: ${key}, client_ca_file: ${ca}, min_version: "1.3"}`
  const names = ['processors.kubernetes.cluster_name=east', 'exporters.hubble.cluster_name=east']
  relayed = await RelayedNodes.start({
    purpose: 'kuberelaytls',
    sets: [...names, `exporters.hubble.tls=${tls}`],
    relay: [
      '--cluster-name=east',
      ...[
        '--tls-hubble-server-ca-files',
        ca,
        '--tls-hubble-client-cert-file',
        cert,
        '--tls-hubble-client-key-file',
        key,
      ],
      ...['--tls-relay-server-cert-file', cert, '--tls-relay-server-key-file', key, '--tls-relay-client-ca-files', ca],
    ],
    cli: [...TRUST, ...CERTIFICATE, '--tls-server-name', 'ui.hubble-relay.cilium.io'],
  })
})

test.after(async () => {
  await relayed?.stop()
  folder.remove()
})

/** What an agent answers to `hubble status`, or what the CLI says instead. */
function statusOfAgent(...flags: readonly string[]): string {
  const [first] = relayed.nodes
  try {
    return relayed.hubbleAt(`${first.address}:4244`, ...flags, '--timeout', '2s', 'status')
  } catch (error) {
    return (error as Error).message
  }
}

test('the relay verifies each agent by the name that the peer service tells of it', async () => {
  await relayed.connected('2/2')
  const listed = JSON.parse(relayed.hubble('list', 'nodes', '-o', 'json')) as Listed[]
  assert.equal(
    listed.map(({ name, state, address, tls }) => ({ name, state, address, tls })),
    relayed.nodes.map(({ name, address }) => ({
      name: `east/${name}`,
      state: 'NODE_CONNECTED',
      address: `${address}:4244`,
      tls: { enabled: true, server_name: `${name}.east.hubble-grpc.cilium.io` },
    })),
  )
})

interface Listed {
  name: string
  state: string
  address: string
  tls: { enabled?: boolean; server_name?: string }
}

test('flows come through it from both', async () => {
  const [first, second] = relayed.nodes
  sendTcp(relayed.network, first, second.address, 1, 100)
  await eventually('flows of both nodes', () => {
    const lines = relayed.hubble('observe', '--all', '--protocol', 'tcp', '-o', 'json').split('\n')
    const names = lines.filter((line) => line.includes('"flow"')).map((line) => JSON.parse(line).node_name)
    return new Set(names).size === 2 ? true : undefined
  })
})

test('who has no certificate, or speaks plain text, learns nothing of an agent', () => {
  const named = [...TRUST, '--tls-server-name', 'pod1.east.hubble-grpc.cilium.io']
  assert.match(statusOfAgent(...named, ...CERTIFICATE), /Healthcheck .*: Ok/)
  for (const flags of [named, []]) assert.not.match(statusOfAgent(...flags), /Healthcheck .*: Ok/)
  const other = [...TRUST, '--tls-server-name', 'pod1.west.hubble-grpc.cilium.io', ...CERTIFICATE]
  assert.not.match(statusOfAgent(...other), /Healthcheck .*: Ok/)
})

test('an agent that comes back is found again', async () => {
  const [, second] = relayed.nodes
  await relayed.killAgent(second)
  await relayed.connected('1/2')
  await relayed.deletePod(second)
  await relayed.startAgent(second)
  await relayed.connected('2/2')
})

test.run()
