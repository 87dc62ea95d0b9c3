import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fovea } from '../support/fovea-process.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** `fovea certs`, judged by openssl and by Node's own reading. */
const certs = suite('fovea certs')
const folder = new TemporaryFolder()
const DAY_MS = 86_400_000

certs.after(() => folder.remove())

const LEAVES = ['client', 'relay', 'server', 'ui']

async function made(name: string, ...flags: string[]): Promise<string> {
  const out = folder.at(name)
  const { status, stderr } = await fovea(['certs', '--out', out, ...flags])
  assert.equal([status, stderr], [0, ''])
  return out
}

function certificate(out: string, name: string): X509Certificate {
  return new X509Certificate(readFileSync(join(out, `${name}.crt`)))
}

function contents(out: string): Record<string, string> {
  return Object.fromEntries(readdirSync(out).map((file) => [file, readFileSync(join(out, file), 'latin1')]))
}

/** By the rules of RFC 5280, for a server or a client. */
function verify(ca: string, out: string, name: string, purpose: string): string {
  const file = join(out, `${name}.crt`)
  const flags = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(ca, 'ca.crt')]
  return execFileSync('openssl', [...flags, file], { encoding: 'utf8', stdio: 'pipe' })
}

certs('makes an authority and certificates that strict checks accept', async () => {
  const out = await made('strict')
  const files = ['ca', ...LEAVES].flatMap((name) => [`${name}.crt`, `${name}.key`])
  assert.equal(readdirSync(out).sort(), files.sort())
  for (const [name, purpose] of [
    ['server', 'sslserver'],
    ['relay', 'sslserver'],
    ['relay', 'sslclient'],
    ['ui', 'sslclient'],
    ['client', 'sslclient'],
  ] as const)
    assert.match(verify(out, out, name, purpose), /: OK/)
  assert.throws(() => verify(out, out, 'client', 'sslserver'), /unsuitable certificate purpose/)
})

certs('names agents as hubble-relay asks for them', async () => {
  const out = await made('names', '--cluster', 'eu.west', '--dns', 'hubble.example.org', '--ip', '10.0.0.7')
  const server = certificate(out, 'server')
  for (const name of ['node-1.eu-west.hubble-grpc.cilium.io', 'localhost', 'hubble.example.org'])
    assert.ok(server.checkHost(name), name)
  for (const address of ['127.0.0.1', '::1', '10.0.0.7']) assert.ok(server.checkIP(address), address)
  assert.not.ok(server.checkHost('node-1.default.hubble-grpc.cilium.io'))
  assert.ok(certificate(out, 'relay').checkHost('ui.hubble-relay.cilium.io'))
})

certs('keys are readable for their owner alone', async () => {
  const out = await made('modes')
  for (const file of readdirSync(out))
    assert.is(statSync(join(out, file)).mode & 0o777, file.endsWith('.key') ? 0o600 : 0o644, file)
})

certs('certificates last as long as asked, within the life of their authority', async () => {
  const out = await made('days', '--days', '7')
  assert.ok(Math.abs(Date.parse(certificate(out, 'server').validTo) - Date.now() - 7 * DAY_MS) < DAY_MS)
  const later = await made('longer', '--ca', out, '--days', '36500')
  assert.is(certificate(later, 'server').validTo, certificate(out, 'ca').validTo)
})

certs('replaces nothing unless told to', async () => {
  const out = await made('kept')
  const before = contents(out)
  const { status, stderr } = await fovea(['certs', '--out', out])
  assert.is(status, 1)
  assert.match(stderr, 'ca.crt')
  assert.match(stderr, 'are there already: --force replaces them')
  assert.equal(contents(out), before)
  await made('kept', '--force')
  const after = contents(out)
  for (const file of Object.keys(before)) assert.is.not(after[file], before[file], file)
})

certs('a further set comes from the authority of an earlier run', async () => {
  const ca = await made('first')
  const out = await made('second', '--ca', ca)
  assert.not.ok(readdirSync(out).includes('ca.key'), 'the key of the authority stays where it is')
  for (const name of LEAVES) assert.match(verify(ca, out, name, 'any'), /: OK/)
  assert.is(contents(out)['ca.crt'], contents(ca)['ca.crt'])
})

certs('renewing beside the authority keeps the authority', async () => {
  const out = await made('renewed')
  const before = contents(out)
  await made('renewed', '--ca', out, '--force')
  const after = contents(out)
  for (const file of Object.keys(before)) assert.is(after[file] === before[file], file.startsWith('ca.'), file)
})

const mistakes: { name: string; flags: string[]; message: RegExp }[] = [
  { name: 'no folder', flags: [], message: /required option '--out <folder>'/ },
  { name: 'a bad address', flags: ['--out', 'x', '--ip', '10.0.0'], message: /write an IPv4 or IPv6 address/ },
  { name: 'a bad name', flags: ['--out', 'x', '--dns', 'a b'], message: /write a name such as/ },
  { name: 'no days', flags: ['--out', 'x', '--days', '0'], message: /write a number of days/ },
  { name: 'a bad cluster', flags: ['--out', 'x', '--cluster', 'A*'], message: /lower case letters/ },
  { name: 'no authority', flags: ['--out', '/nosuch/x', '--ca', '/nosuch'], message: /--ca \/nosuch: ENOENT/ },
]
for (const { name, flags, message } of mistakes)
  certs(`${name} is told, and nothing is written`, async () => {
    const { status, stderr } = await fovea(['certs', ...flags])
    assert.is(status, 1)
    assert.match(stderr, message)
  })

certs('a key that is not that of the authority is told', async () => {
  const [one, other] = [await made('one'), await made('other')]
  execFileSync('cp', [join(other, 'ca.key'), join(one, 'ca.key')])
  const { stderr } = await fovea(['certs', '--out', folder.at('none'), '--ca', one])
  assert.match(stderr, 'the key is not that of the certificate')
})

certs.run()
