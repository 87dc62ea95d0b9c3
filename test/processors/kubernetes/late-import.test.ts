import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../support/checkout.ts'

const test = suite('late import')

/** Prints every module that is resolved from then on. */
const HOOK = `import { registerHooks } from 'node:module'
registerHooks({ resolve(specifier, context, next) {
  const resolved = next(specifier, context)
  process.stderr.write(resolved.url + '\\n')
  return resolved
} })`

/** Modules that loading and checking a sample configuration imports. */
function modules(sample: string): string[] {
  const hook = `data:text/javascript,${encodeURIComponent(HOOK)}`
  const words = ['--import', hook, 'src/main.ts', 'validate', '--config', `config/${sample}`]
  const { stderr, status } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
  assert.is(status, 0, stderr)
  return stderr.split('\n').filter((line) => line.startsWith('file:'))
}

const ofKubernetes = (url: string) =>
  url.includes(`file://${join(root, 'src/kubernetes')}/`) || url.includes('@kubernetes/')

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

test.run()
