import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { prometheusConfig } from '../../../src/exporters/prometheus/config.ts'
import { decode } from '../../../src/pipeline/config/decode.ts'
import { BasicAuth } from '../../../src/pipeline/settings/basic-auth.ts'
import { NO_REPORTS } from '../../../src/pipeline/settings/server-reports.ts'
import { eventually } from '../../support/eventually.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'
import { treeOf } from '../../support/trees.ts'

const auth = suite('basic auth')
const folder = new TemporaryFolder()
auth.after(() => folder.remove())

async function started(content: string, username = 'monitoring', intervalMs = 0): Promise<BasicAuth> {
  const file = folder.at('password')
  writeFileSync(file, content)
  const config = { enabled: true, username, password_file: file }
  return (await BasicAuth.start(config, intervalMs, NO_REPORTS)) as BasicAuth
}

const header = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`

auth('the password of the file is accepted, with or without its newline', async () => {
  for (const content of ['s3cr3t', 's3cr3t\n', 's3cr3t\r\n'])
    assert.ok((await started(content)).accepts(header('monitoring:s3cr3t')), JSON.stringify(content))
})

auth('nothing else is', async () => {
  const basic = await started('s3cr3t\n')
  const wrong = ['monitoring:', 'monitoring:s3cr3', 'monitoring:s3cr3t\n', 'other:s3cr3t', ':s3cr3t', 's3cr3t', '']
  for (const credentials of wrong) assert.not.ok(basic.accepts(header(credentials)), credentials)
  const { length } = header('')
  const headers = [undefined, '', 'Basic', 'Bearer s3cr3t', header('monitoring:s3cr3t').slice(length), 'Basic %%%']
  for (const text of headers) assert.not.ok(basic.accepts(text), String(text))
})

auth('any user and password that a header can carry', async () => {
  const username = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 16 }).filter((text) => !text.includes(':'))
  const password = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 32 }).filter((text) => !/[\r\n]$/.test(text))
  await fc.assert(
    fc.asyncProperty(username, password, async (user, secret) => {
      const basic = await started(`${secret}\n`, user)
      assert.ok(basic.accepts(header(`${user}:${secret}`)))
      assert.not.ok(basic.accepts(header(`${user}:${secret}x`)))
    }),
    { numRuns: 50 },
  )
})

auth('a new password counts without a restart; an empty file leaves the old one', async () => {
  const basic = await started('old', 'monitoring', 5)
  writeFileSync(folder.at('password'), 'new\n')
  await eventually('the new password', async () => basic.accepts(header('monitoring:new')) || undefined)
  assert.not.ok(basic.accepts(header('monitoring:old')))
  basic.close()
})

auth('an empty or missing file is told with the setting', async () => {
  const empty = await started('\n').catch((error: Error) => error.message)
  assert.is(empty, `auth::basic::password_file: ${folder.at('password')} is empty`)
  const config = { enabled: true, username: 'monitoring', password_file: '/nosuch' }
  const missing = await BasicAuth.start(config, 0, NO_REPORTS).catch((error: Error) => error.message)
  assert.match(String(missing), /^auth::basic::password_file: ENOENT.*\/nosuch/)
})

const cases: { name: string; written: string; problems: string[] }[] = [
  {
    name: 'with TLS it is taken',
    written: '{tls: {cert_file: a, key_file: b}, auth: {basic: {username: u, password_file: p}}}',
    problems: [],
  },
  {
    name: 'without TLS it is refused',
    written: '{auth: {basic: {username: u, password_file: p}}}',
    problems: ['auth::basic: needs a "tls" section: in plain text everybody reads the password'],
  },
  {
    name: 'user and password are needed',
    written: '{tls: {cert_file: a, key_file: b}, auth: {basic: }}',
    problems: [
      'auth::basic::username: requires a non-empty "username"',
      'auth::basic::password_file: requires a "password_file"',
    ],
  },
  {
    name: 'a colon ends the username',
    written: '{tls: {cert_file: a, key_file: b}, auth: {basic: {username: "a:b", password_file: p}}}',
    problems: ['auth::basic::username: a username has no colon (RFC 7617)'],
  },
  {
    name: 'switched off, nothing is needed',
    written: '{auth: {basic: {enabled: false}}}',
    problems: [],
  },
]
for (const { name, written, problems } of cases)
  auth(`configuration: ${name}`, () => {
    const decoded = decode(prometheusConfig, treeOf(written, 'c.yaml'), [])
    assert.equal(
      decoded.problems.map(({ path, message }) => `${path.join('::')}: ${message}`),
      problems,
    )
  })

auth.run()
