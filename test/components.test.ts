import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { catalog } from '../src/components.ts'
import { defaultsOf } from '../src/pipeline/config/decode.ts'
import { printableDefaults } from '../src/pipeline/config/print.ts'
import { isSection, type SchemaSection, settingOf, settingPaths } from '../src/pipeline/config/schema.ts'
import { root } from './support/checkout.ts'

const components = suite('components')

/** A component's folder has the name of its type; a connector's lies among the processors. */
const folderOf = (kind: string, type: string) =>
  join(root, 'src', kind === 'connector' ? 'processors' : `${kind}s`, type)

for (const { kind, type, aliases, load } of catalog.entries) {
  components(`${kind} ${type} is what the list says`, async () => {
    const factory = await load()
    assert.is(factory.type, type)
    if ('aliases' in factory) assert.equal(factory.aliases ?? [], aliases ?? [])
  })

  components(`${kind} ${type}: every setting has a text, and its default is allowed`, async () => {
    const { config } = await load()
    const schema = config.schema as SchemaSection
    defaultsOf(schema)
    for (const path of settingPaths(schema)) {
      const setting = settingOf(path.reduce<unknown>((node, key) => (node as SchemaSection)[key], schema))
      assert.ok((setting.doc ?? '') !== '', `${path.join('::')} has no doc`)
    }
  })

  components(`${kind} ${type}: its README names every setting with its default`, async () => {
    const readme = join(folderOf(kind, type), 'README.md')
    assert.ok(existsSync(readme), readme)
    const text = readFileSync(readme, 'utf8')
    const { config } = await load()
    const schema = config.schema as SchemaSection
    for (const [key, node] of Object.entries(schema)) {
      assert.ok(text.includes(`\`${key}`), `${readme} does not name ${key}`)
      if (isSection(node)) continue
      const written = defaultInTable(text, key)
      const value = (printableDefaults(schema) as Record<string, unknown>)[key]
      if (written !== undefined)
        assert.ok(saysDefault(written, value), `${key}: ${written} is not ${JSON.stringify(value)}`)
    }
  })
}

for (const page of ['README.md', 'docs/configuration.md'])
  components(`${page} links the page of every component`, () => {
    const text = readFileSync(join(root, page), 'utf8')
    const links = catalog.entries.map(({ kind, type }) => join(folderOf(kind, type), 'README.md'))
    const missing = links.filter((link) => !text.includes(`](${relative(join(root, dirname(page)), link)})`))
    assert.equal(missing, [])
  })

components('no type stands twice', () => {
  const names = catalog.entries.flatMap(({ kind, type, aliases = [] }) =>
    [type, ...aliases].map((name) => `${kind} ${name}`),
  )
  assert.is(new Set(names).size, names.length)
})

/** Second cell of the row whose first cell is this setting. */
function defaultInTable(readme: string, key: string): string | undefined {
  const cells = readme
    .split('\n')
    .find((line) => line.startsWith(`| \`${key}\` |`))
    ?.split(' | ')
  return cells?.[1]?.trim()
}

/** Numbers may have separators; an empty text may be left out; a list or map may be described. */
function saysDefault(written: string, value: unknown): boolean {
  const plain = written.replaceAll('`', '').trim()
  if (value === '' || (typeof value === 'object' && value !== null)) return true
  return plain === String(value) || plain.replaceAll(/[,_ ]/g, '') === String(value) || plain === JSON.stringify(value)
}

components.run()
