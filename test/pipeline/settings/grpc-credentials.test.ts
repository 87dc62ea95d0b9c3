import { copyFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Client, Server, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import { ClientTable } from '../../../src/pipeline/settings/client-table.ts'
import { GrpcConnections } from '../../../src/pipeline/settings/grpc-connections.ts'
import { NO_REPORTS } from '../../../src/pipeline/settings/server-reports.ts'
import {
  checkTlsClient,
  grpcChannelCredentials,
  grpcServerName,
  type TlsClientConfig,
  tlsClientSchema,
} from '../../../src/pipeline/settings/tls-client.ts'
import { type TlsServerConfig, tlsServerSchema } from '../../../src/pipeline/settings/tls-server.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { TestAuthority } from '../../support/issued.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const grpc = suite<{ folder: TemporaryFolder; certificates: Certificates }>('gRPC credentials')

grpc.before((context) => {
  context.folder = new TemporaryFolder()
  context.certificates = makeCertificates(context.folder.path)
})
grpc.after(({ folder }) => folder.remove())

const serverDefaults = defaultsOf(tlsServerSchema) as unknown as TlsServerConfig
const clientDefaults = defaultsOf(tlsClientSchema) as unknown as TlsClientConfig

const cases: {
  name: string
  server?: (certificates: Certificates) => Partial<TlsServerConfig>
  client: (certificates: Certificates) => Partial<TlsClientConfig>
  answer: RegExp
}[] = [
  { name: 'plain text on both sides', client: () => ({ insecure: true }), answer: /^echo$/ },
  { name: 'TLS by an authority of its own', server: secure, client: ({ ca }) => ({ ca_file: ca }), answer: /^echo$/ },
  {
    name: 'insecure is ignored beside an authority',
    server: secure,
    client: ({ ca }) => ({ insecure: true, ca_file: ca }),
    answer: /^echo$/,
  },
  { name: 'an unknown authority is refused', server: secure, client: () => ({}), answer: /^14 UNAVAILABLE/ },
  {
    name: 'unless certificates are not verified',
    server: secure,
    client: () => ({ insecure_skip_verify: true }),
    answer: /^echo$/,
  },
  {
    name: 'a client without the certificate asked for is refused',
    server: mutual,
    client: ({ ca }) => ({ ca_file: ca }),
    answer: /^14 UNAVAILABLE/,
  },
  {
    name: 'mutual TLS',
    server: mutual,
    client: ({ ca, cert, key }) => ({ ca_file: ca, cert_file: cert, key_file: key }),
    answer: /^echo$/,
  },
  {
    name: 'a name the certificate does not have is refused',
    server: secure,
    client: ({ ca }) => ({ ca_file: ca, server_name_override: 'elsewhere' }),
    answer: /^14 UNAVAILABLE/,
  },
  {
    name: 'the lowest version of the server is kept',
    server: (certificates) => ({ ...secure(certificates), min_version: '1.3' }),
    client: ({ ca }) => ({ ca_file: ca, min_version: '1.3' }),
    answer: /^echo$/,
  },
]
for (const { name, server = () => ({}), client, answer } of cases) {
  grpc(name, async ({ certificates }) => {
    const { port, close } = await listen({ ...serverDefaults, ...server(certificates) })
    const text = await ask(port, { ...clientDefaults, ...client(certificates) }).catch((error: Error) => error.message)
    close()
    assert.match(text, answer)
  })
}

const misplaced: { setting: 'cert_file' | 'key_file' | 'client_ca_file'; file: keyof Certificates; kind: string }[] = [
  { setting: 'cert_file', file: 'key', kind: 'CERTIFICATE' },
  { setting: 'key_file', file: 'cert', kind: 'PRIVATE KEY' },
  { setting: 'client_ca_file', file: 'key', kind: 'CERTIFICATE' },
]
for (const { setting, file, kind } of misplaced) {
  grpc(`a ${setting} with something else in it is named`, async ({ certificates }) => {
    const config = { ...serverDefaults, ...mutual(certificates), [setting]: certificates[file] }
    const expected = `failed to load TLS config: ${setting}: ${certificates[file]} is no PEM file with "-----BEGIN ${kind}-----"`
    const error: unknown = await listen(config).catch((reason) => reason)
    assert.is((error as Error).message, expected)
  })
}

grpc('a client whose ca_file has no certificate refuses to start', async ({ certificates }) => {
  const error: unknown = await grpcChannelCredentials({ ...clientDefaults, ca_file: certificates.key }).catch(
    (reason) => reason,
  )
  assert.match((error as Error).message, /^failed to load TLS config: ca_file: .* is no PEM file with/)
})

grpc('a client certificate without its key is a problem of the configuration', () => {
  const [problem] = checkTlsClient({ ...clientDefaults, cert_file: 'a.pem' }, ['tls'])
  assert.equal(problem, {
    path: ['tls', 'key_file'],
    message: 'TLS configuration must include both certificate and key, or neither',
  })
})

grpc(
  'a channel takes new files for its next connection, and keeps the old ones while they are no good',
  async (context) => {
    const [known, stranger] = await Promise.all([
      TestAuthority.create(context.folder.at('known')),
      TestAuthority.create(context.folder.at('stranger')),
    ])
    const { cert, key } = await known.server()
    const mutual = { enabled: true, cert_file: cert, key_file: key, client_ca_file: known.ca }
    const { port, close, cutOff } = await listen({ ...serverDefaults, ...mutual })
    const used = await stranger.client('used')
    const config = {
      ...clientDefaults,
      ca_file: known.ca,
      cert_file: used.cert,
      key_file: used.key,
      reload_interval: 1,
    }
    const told: string[] = []
    const events = {
      reloadFailed: (files: string, error: Error) => told.push(`${files}: ${error.message}`),
      reloaded: (files: string) => told.push(files),
    }
    const channel = await grpcChannelCredentials(config, events)
    const client = new Client(`localhost:${port}`, channel, { 'grpc.initial_reconnect_backoff_ms': 100 })
    const answer = () => echo(client).catch((error: Error) => error.message)
    assert.match(await answer(), /^14 UNAVAILABLE/)
    const fresh = await known.client()
    copyFileSync(fresh.key, used.key)
    copyFileSync(fresh.cert, used.cert)
    await eventually('the new certificate', async () => (await answer()) === 'echo' || undefined)
    assert.is(told.at(-1), 'tls')
    copyFileSync(known.ca, used.cert)
    cutOff()
    await eventually('a new connection', async () => {
      const text = await answer()
      return (text === 'echo' && told.at(-1) !== 'tls') || undefined
    })
    assert.is(
      told.at(-1),
      'tls: failed to load TLS config: cert_file, key_file: the key is not that of the certificate',
    )
    client.close()
    close()
  },
)

function secure({ cert, key }: Certificates): Partial<TlsServerConfig> {
  return { enabled: true, cert_file: cert, key_file: key }
}

function mutual(certificates: Certificates): Partial<TlsServerConfig> {
  return { ...secure(certificates), client_ca_file: certificates.ca }
}

const bytes = (value: Buffer) => value
const ECHO = {
  echo: {
    path: '/test.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
}

const LIMITS = { maxConnections: 8, maxConnectionsPerClient: 8, requestsPerSecond: 0, requestBurst: 1 }

async function listen(tls: TlsServerConfig): Promise<{ port: number; close(): void; cutOff(): void }> {
  const server = new Server()
  server.addService(ECHO, {
    echo: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => reply(null, call.request),
  })
  const clients = new ClientTable(LIMITS)
  const connections = await GrpcConnections.create(server, { tls, clients, reports: NO_REPORTS })
  const open = new Set<Socket>()
  const front = createServer((socket) => {
    open.add(socket)
    connections.acceptRemote(socket)
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  const close = () => {
    front.close()
    connections.close()
    server.forceShutdown()
  }
  const cutOff = () => {
    for (const socket of open) socket.destroy()
  }
  return { port: (front.address() as AddressInfo).port, close, cutOff }
}

async function ask(port: number, tls: TlsClientConfig): Promise<string> {
  const client = new Client(`localhost:${port}`, await grpcChannelCredentials(tls), grpcServerName(tls))
  try {
    return await echo(client)
  } finally {
    client.close()
  }
}

function echo(client: Client): Promise<string> {
  const deadline = Date.now() + 10_000
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(ECHO.echo.path, bytes, bytes, Buffer.from('echo'), { deadline }, (error, reply) =>
      error === null ? resolve(String(reply)) : reject(error),
    )
  })
}

grpc.run()
