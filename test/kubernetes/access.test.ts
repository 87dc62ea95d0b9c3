import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openAccess } from '../../src/kubernetes/access.ts'
import { ConfigFolder } from '../support/fovea-process.ts'

const accesses = suite('cluster access')

let folder: ConfigFolder
const KUBECONFIG = process.env.KUBECONFIG
const PROXY = process.env.HTTPS_PROXY

function kubeconfig(name: string, user: string, cluster = '{server: "https://10.0.0.1:6443"}'): string {
  return folder.write(
    name,
    `apiVersion: v1
kind: Config
clusters: [{name: c-${name}, cluster: ${cluster}}]
users: [{name: u-${name}, user: ${user}}]
contexts: [{name: ${name}, context: {cluster: c-${name}, user: u-${name}, namespace: watching}}]
current-context: ${name}
`,
  )
}

accesses.before.each(() => {
  folder = new ConfigFolder()
})

accesses.after.each(() => {
  folder.remove()
  setOrDelete('KUBECONFIG', KUBECONFIG)
  setOrDelete('HTTPS_PROXY', PROXY)
})

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

accesses('a kubeconfig gives server, credentials and namespace', async () => {
  const access = await openAccess({ kubeconfig: kubeconfig('one', '{token: secret}') })
  const { server, headers } = await access.connection()
  assert.is(server.href, 'https://10.0.0.1:6443/')
  assert.is(headers.Authorization, 'Bearer secret')
  assert.is(access.namespace, 'watching')
  access.close()
})

accesses('$KUBECONFIG may name several files, of which a context is chosen', async () => {
  process.env.KUBECONFIG = `${kubeconfig('one', '{token: a}')}:${kubeconfig('two', '{token: b}')}`
  const first = await openAccess()
  const second = await openAccess({ context: 'two' })
  assert.is((await first.connection()).headers.Authorization, 'Bearer a')
  assert.is((await second.connection()).headers.Authorization, 'Bearer b')
  first.close()
  second.close()
})

accesses('a token file is read again when the server refused its token', async () => {
  const token = folder.write('token', 'old\n')
  const access = await openAccess({ kubeconfig: kubeconfig('one', '{tokenFile: token}') })
  assert.is((await access.connection()).headers.Authorization, 'Bearer old')
  folder.write('token', 'new\n')
  assert.is((await access.connection()).headers.Authorization, 'Bearer old', 'not read for each request')
  access.renew()
  assert.is((await access.connection()).headers.Authorization, 'Bearer new')
  assert.ok(token)
  access.close()
})

accesses('proxies of the environment are not used', async () => {
  process.env.HTTPS_PROXY = 'http://127.0.0.1:1'
  const access = await openAccess({ kubeconfig: kubeconfig('one', '{token: a}') })
  const { agent } = await access.connection()
  assert.is(agent.constructor.name, 'Agent')
  access.close()
})

const faults = [
  {
    name: 'a file that does not exist',
    file: () => '/nowhere/kubeconfig',
    error: /kubeconfig \/nowhere\/kubeconfig: ENOENT/,
  },
  { name: 'a file that is no kubeconfig', file: () => folder.write('bad', 'clusters: 7'), error: /kubeconfig .*bad: / },
]
for (const { name, file, error } of faults)
  accesses(`${name} is named`, async () => {
    const failed = await openAccess({ kubeconfig: file() }).then(
      () => undefined,
      (cause) => cause as Error,
    )
    assert.match(failed?.message ?? '', error)
  })

accesses('a context that does not exist is named', async () => {
  const failed = await openAccess({ kubeconfig: kubeconfig('one', '{}'), context: 'three' }).catch(
    (cause) => cause as Error,
  )
  assert.match((failed as Error).message, /no context "three" with a cluster/)
})

accesses.run()
