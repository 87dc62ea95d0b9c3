import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../support/checkout.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const test = suite('late import')

/** Prints every module that is resolved from then on. */
const HOOK = `import { registerHooks } from 'node:module'
registerHooks({ resolve(specifier, context, next) {
  const resolved = next(specifier, context)
  process.stderr.write(resolved.url + '\\n')
  return resolved
} })`

const KUBECONFIG = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://10.0.0.1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`

/** Modules that a program imports. */
function imported(words: readonly string[], variables: Record<string, string> = {}): string[] {
  const hook = `data:text/javascript,${encodeURIComponent(HOOK)}`
  const env = { ...process.env, ...variables }
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26, env } as const
  const { stderr, status } = spawnSync(process.execPath, ['--import', hook, ...words], options)
  assert.is(status, 0, stderr)
  return stderr.split('\n').filter((line) => line.startsWith('file:'))
}

/** Modules that loading and checking a sample configuration imports. */
function modules(sample: string): string[] {
  return imported(['src/main.ts', 'validate', '--config', `config/${sample}`])
}

/** Modules that finding the API server imports. @param options of `openAccess` */
function modulesOfAccess(options: object, variables: Record<string, string>): string[] {
  const open = `import { openAccess } from '${pathToFileURL(join(root, 'src/kubernetes/access.ts'))}'
await openAccess(${JSON.stringify(options)})`
  return imported(['--input-type=module', '--eval', open], variables)
}

/** But for the rules of labels, which import nothing: the operator's flags are checked by them. */
const ofKubernetes = (url: string) =>
  (url.includes(`file://${join(root, 'src/kubernetes')}/`) && !url.endsWith('/label-filter.ts')) ||
  url.includes('@kubernetes/')

test('what runs without a cluster imports nothing of Kubernetes', () => {
  const loaded = modules('standalone.yaml')
  assert.ok(loaded.some((url) => url.includes('/processors/dns/')))
  assert.equal(
    loaded.filter((url) => ofKubernetes(url) || url.includes('/processors/kubernetes/')),
    [],
  )
})

test('the processor itself imports the client library only when it starts', () => {
  const loaded = modules('kubernetes.yaml')
  assert.ok(loaded.some((url) => url.includes('/processors/kubernetes/processor.ts')))
  assert.equal(
    loaded.filter((url) => url.includes('@kubernetes/')),
    [],
  )
})

test('a pod with a service account never imports the client library, a kubeconfig does', () => {
  const folder = new TemporaryFolder()
  try {
    writeFileSync(folder.at('token'), 'token')
    const options = { inCluster: true, serviceAccountDirectory: folder.path }
    const inCluster = modulesOfAccess(options, { KUBERNETES_SERVICE_HOST: '10.96.0.1' })
    assert.ok(inCluster.some((url) => url.includes('/src/kubernetes/service-account.ts')))
    assert.not(inCluster.some((url) => url.includes('@kubernetes/')))
    const kubeconfig = folder.at('kubeconfig')
    writeFileSync(kubeconfig, KUBECONFIG)
    assert.ok(modulesOfAccess({ kubeconfig }, {}).some((url) => url.includes('@kubernetes/client-node')))
  } finally {
    folder.remove()
  }
})

test.run()
