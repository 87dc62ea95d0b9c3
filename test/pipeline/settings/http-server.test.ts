import { X509Certificate } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultsOf } from '../../../src/pipeline/config/decode.ts'
import {
  HttpServer,
  type HttpServerConfig,
  httpServerSchema,
  requestTarget,
} from '../../../src/pipeline/settings/http-server.ts'
import { NO_REPORTS, serverReports } from '../../../src/pipeline/settings/server-reports.ts'
import { checkTlsServer, type TlsServerConfig } from '../../../src/pipeline/settings/tls-server.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { rejection } from '../../support/rejection.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const servers = suite<{ folder: TemporaryFolder; certificates: Certificates; open: HttpServer[] }>('HttpServer')

servers.before((context) => {
  context.folder = new TemporaryFolder()
  context.certificates = makeCertificates(context.folder.path)
  context.open = []
})
servers.after.each(async ({ open }) => {
  for (const server of open.splice(0)) await server.shutdown(Date.now())
})
servers.after(({ folder }) => folder.remove())

const defaults = defaultsOf(httpServerSchema('127.0.0.1:0')) as unknown as HttpServerConfig

async function started(
  context: { open: HttpServer[] },
  tls: Partial<TlsServerConfig> = {},
  failed: (error: Error) => void = () => {},
): Promise<HttpServer> {
  const config = { ...defaults, tls: { ...defaults.tls, ...tls } }
  const server = new HttpServer(config, (_, response) => response.end('hello'), {
    ...NO_REPORTS,
    reloadFailed: (_, error) => failed(error),
  })
  context.open.push(server)
  await server.start()
  return server
}

const tlsOf = ({ cert, key }: Certificates) => ({ enabled: true, cert_file: cert, key_file: key })

servers('without tls it speaks plain text', async (context) => {
  const server = await started(context)
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.is(await (await fetch(server.url)).text(), 'hello')
})

servers('localhost is 127.0.0.1, for programs that know no IPv6', async (context) => {
  const server = new HttpServer({ ...defaults, endpoint: 'localhost:0' }, (_, response) => response.end('hello'))
  context.open.push(server)
  await server.start()
  assert.is(await (await fetch(`http://127.0.0.1:${server.port}`)).text(), 'hello')
})

servers('an address in use is told with what to look for', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as { port: number }
  const server = new HttpServer({ ...defaults, endpoint: `127.0.0.1:${port}` }, () => {})
  const error = await rejection(server.start())
  other.close()
  assert.is(
    error.message,
    `listen on 127.0.0.1:${port}: address already in use: another process has this port, or another component of this configuration`,
  )
})

servers('an address of another machine is told', async () => {
  const server = new HttpServer({ ...defaults, endpoint: '192.0.2.1:0' }, () => {})
  assert.is((await rejection(server.start())).message, 'listen on 192.0.2.1:0: this machine does not have that address')
})

servers('shutdown waits for answers under way, to the deadline and no longer', async () => {
  const asked = Promise.withResolvers<void>()
  const server = new HttpServer(defaults, () => asked.resolve())
  await server.start()
  const request = fetch(server.url).then(
    () => 'answered',
    () => 'cut off',
  )
  await asked.promise
  await server.shutdown(Date.now() + 50)
  assert.is(await request, 'cut off')
  await server.shutdown(Date.now())
})

servers('no target of a request is a fault', () => {
  const targets = ['/a?b=c&d', '//', '/%', 'http://[', '*', '', '?x', undefined].map(
    (url) => requestTarget({ url }).path,
  )
  assert.equal(targets, ['/a', '//', '/%', 'http://[', '*', '', '', '/'])
  assert.is(requestTarget({ url: '/a?b=c%20d' }).query.get('b'), 'c d')
})

servers('with tls it shows its certificate', async (context) => {
  const server = await started(context, tlsOf(context.certificates))
  assert.match(server.url, /^https:/)
  const { certificate, protocol } = await handshake(server, context.certificates)
  assert.equal([certificate.subject.CN, protocol], ['test', 'TLSv1.3'])
})

servers('min_version keeps older clients out', async (context) => {
  const server = await started(context, { ...tlsOf(context.certificates), min_version: '1.3' })
  const error = await rejection(handshake(server, context.certificates, { maxVersion: 'TLSv1.2' }))
  assert.match(error.message, /protocol version|handshake failure|unsupported protocol/i)
})

servers('client_ca_file asks for a certificate of that authority', async (context) => {
  const { certificates } = context
  const server = await started(context, { ...tlsOf(certificates), client_ca_file: certificates.ca })
  const { ca, cert, key } = certificates
  const good = await request(server, { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) })
  assert.match(good, /hello$/)
  assert.match(
    (await rejection(request(server, { ca: readFileSync(ca) }))).message,
    /certificate required|ECONNRESET|closed/i,
  )
})

servers('new files are taken over while it listens', async (context) => {
  const folder = context.folder.at('rotating')
  mkdirSync(folder)
  const used = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem`, ca: context.certificates.ca }
  copyFileSync(context.certificates.cert, used.cert)
  copyFileSync(context.certificates.key, used.key)
  const server = await started(context, { ...tlsOf(used), reload_interval: 20 })
  const before = (await handshake(server, used)).certificate.serialNumber
  const fresh = makeCertificates(folder, ['localhost'])
  copyFileSync(fresh.key, used.key)
  copyFileSync(fresh.cert, used.cert)
  while (
    (await handshake(server, { ...used, ca: fresh.ca }, { rejectUnauthorized: false })).certificate.serialNumber ===
    before
  );
})

servers('unreadable new files are told and the old certificate stays', async (context) => {
  const told = Promise.withResolvers<Error>()
  const folder = context.folder.at('vanishing')
  mkdirSync(folder)
  const used = { ...context.certificates, cert: `${folder}/cert.pem` }
  copyFileSync(context.certificates.cert, used.cert)
  const server = await started(context, { ...tlsOf(used), reload_interval: 20 }, told.resolve)
  copyFileSync(context.certificates.ca, used.cert)
  assert.match(
    (await told.promise).message,
    /^failed to load TLS config: cert_file, key_file: the key is not that of the certificate$/,
  )
  assert.is((await handshake(server, context.certificates)).certificate.subject.CN, 'test')
})

servers('a cut off file of authorities is no half of them', async (context) => {
  const path = context.folder.at('authorities.pem')
  const whole = readFileSync(context.certificates.ca, 'utf8')
  writeFileSync(path, whole + whole.slice(0, whole.length / 2))
  const error = await rejection(started(context, { ...tlsOf(context.certificates), client_ca_file: path }))
  assert.is(
    error.message,
    `failed to load TLS config: client_ca_file: ${path} is cut off: a block has no "-----END CERTIFICATE-----"`,
  )
})

servers('status, metrics and log tell of files read again and of handshakes that failed', async (context) => {
  const folder = context.folder.at('told')
  mkdirSync(folder)
  const used = { ...context.certificates, cert: `${folder}/cert.pem` }
  const good = readFileSync(context.certificates.cert, 'utf8')
  writeFileSync(used.cert, good)
  const own = createContext('exporter', 'prometheus')
  const tls = { ...defaults.tls, ...tlsOf(used), client_ca_file: used.ca, reload_interval: 5 }
  const server = new HttpServer({ ...defaults, tls }, (_, response) => response.end('hello'), serverReports(own))
  context.open.push(server)
  await server.start()
  const seen = (at: string) => eventually(at, () => own.statuses.at(-1)?.at === at || undefined)
  writeFileSync(used.cert, 'nothing')
  await seen('recoverable_error')
  writeFileSync(used.cert, good)
  await seen('ok')
  const labels = { otelcol_component_kind: 'exporter', otelcol_component_id: 'prometheus' }
  assert.ok(ownMetric(own, 'fovea_file_reloads', { ...labels, files: 'tls', outcome: 'failed' }) >= 1)
  const { validTo } = new X509Certificate(good)
  assert.is(ownMetric(own, 'fovea_tls_certificate_not_after_seconds', labels), Date.parse(validTo) / 1_000)
  const failures = (cause: string) => ownMetric(own, 'fovea_server_refused_connections', { ...labels, cause })
  await rejection(request(server, { ca: readFileSync(used.ca) }))
  await eventually('the handshake', () => failures('client_certificate') === 1 || undefined)
  const plain = await fetch(server.url.replace('https:', 'http:')).catch((error: Error) => error)
  assert.instance(plain, Error)
  await eventually('the handshake', () => failures('not_tls') === 1 || undefined)
  assert.is(own.lines.filter(({ msg }) => msg === 'Connection refused').length, 1, 'the log is not flooded')
})

servers('with a password set, requests without it get 401', async (context) => {
  const { ca, cert, key } = context.certificates
  const password = context.folder.at('password')
  writeFileSync(password, 's3cr3t\n')
  const own = createContext('extension', 'zpages')
  const basic = { enabled: true, username: 'monitoring', password_file: password }
  const config = { ...defaults, tls: { ...defaults.tls, ...tlsOf({ ca, cert, key }) }, auth: { basic } }
  const server = new HttpServer(config, (_, response) => response.end('hello'), serverReports(own))
  context.open.push(server)
  await server.start()
  const ask = (credentials: string) =>
    request(server, { ca: readFileSync(ca) }, `Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`)
  assert.match(await ask('monitoring:s3cr3t'), /^HTTP\/1.1 200 .*hello$/s)
  const refused = await ask('monitoring:wrong')
  assert.match(refused, /^HTTP\/1.1 401 .*www-authenticate: Basic realm="fovea", charset="UTF-8"/s)
  assert.not.match(refused, 'hello')
  const labels = { otelcol_component_kind: 'extension', otelcol_component_id: 'zpages', cause: 'unauthenticated' }
  assert.is(ownMetric(own, 'fovea_server_refused_requests', labels), 1)
})

servers('a missing file is told with its setting', async (context) => {
  const error = await rejection(started(context, { ...tlsOf(context.certificates), cert_file: '/nosuch.pem' }))
  assert.match(error.message, /^failed to load TLS config: cert_file: ENOENT.*\/nosuch\.pem/)
})

servers('a certificate without its key is a problem of the configuration', () => {
  const tls = { ...defaults.tls, enabled: true, cert_file: 'a.pem' }
  assert.equal(checkTlsServer(tls, ['tls']), [
    {
      path: ['tls', 'key_file'],
      message: 'TLS configuration must include both certificate and key for server connections',
    },
  ])
  assert.equal(checkTlsServer({ ...tls, enabled: false }, ['tls']), [])
})

interface Handshake {
  certificate: PeerCertificate
  protocol: string | null
}

function handshake(server: HttpServer, { ca }: { ca: string }, options: object = {}): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(
      { port: server.port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(ca), ...options },
      () => {
        resolve({ certificate: socket.getPeerCertificate(), protocol: socket.getProtocol() })
        socket.destroy()
      },
    )
    socket.once('error', reject)
  })
}

function request(server: HttpServer, options: object, headers = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ port: server.port, host: '127.0.0.1', servername: 'localhost', ...options })
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.once('error', reject)
    socket.once('close', () => (text === '' ? reject(new Error('closed')) : resolve(text)))
    socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`)
  })
}

servers.run()
