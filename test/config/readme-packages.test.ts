import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import manifest from '../../package.json' with { type: 'json' }
import { root } from '../support/checkout.ts'

const packages = suite('Libraries of the README')

/** The names in the first column of the table, `a-{b,c}` being `a-b` and `a-c`. */
function namedPackages(): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const section = /^## Libraries.*?(?=^## )/ms.exec(readme)?.[0] ?? ''
  const columns = section.split('\n').flatMap((line) => (line.startsWith('|') ? (line.split('|')[1] ?? '') : []))
  return [...columns.join().matchAll(/`([^`]+)`/g)].flatMap(([, name = '']) => expanded(name))
}

function expanded(name: string): string[] {
  const [, before, inside, after] = /^(.*)\{(.*)\}(.*)$/.exec(name) ?? []
  return inside === undefined ? [name] : inside.split(',').map((part) => `${before}${part}${after}`)
}

/** Types of packages that bring none go with these. */
const isOfTypes = (name: string) => name.startsWith('@types/')

packages('name every package of package.json, and no other', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  const locked = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
  const named = namedPackages()
  // The scope is written once for several packages of it.
  const isNamed = (name: string) => named.some((one) => name === one || name === `@opentelemetry/${one}`)
  assert.equal(
    locked.filter((name) => !isOfTypes(name) && !isNamed(name)),
    [],
    'not named',
  )
  assert.equal(
    named.filter((one) => !locked.includes(one) && !locked.includes(`@opentelemetry/${one}`)),
    [],
    'named only',
  )
})

packages.run()
