import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { catalog } from '../../src/components.ts'
import { type SchemaSection, settingPaths } from '../../src/pipeline/config/schema.ts'
import { root } from '../support/checkout.ts'

/** Where the READMEs of a kind lie; connectors stand beside the processors. */
const FOLDERS = {
  receiver: 'receivers',
  processor: 'processors',
  connector: 'processors',
  exporter: 'exporters',
  extension: 'extensions',
} as const

const tables = suite('tables of settings')

for (const { kind, type, load } of catalog.entries) {
  const file = join('src', FOLDERS[kind], type, 'README.md')
  if (!existsSync(join(root, file))) continue
  tables(`${file} has every setting and no other`, async () => {
    const { config } = await load()
    const named = namedSettings(readFileSync(join(root, file), 'utf8'))
    const real = [...settingPaths(config.schema as SchemaSection)].map((path) => path.join('.'))
    // A row may tell a whole section, such as `tls`.
    const covers = (name: string, path: string) => path === name || path.startsWith(`${name}.`)
    assert.equal(
      real.filter((path) => !named.some((name) => covers(name, path))),
      [],
      'not told',
    )
    assert.equal(
      named.filter((name) => !real.some((path) => covers(name, path))),
      [],
      'told and not there',
    )
  })
}

/** First column of the tables whose head is `Setting`; `a::b` and `a.b` are the same. */
function namedSettings(markdown: string): string[] {
  const tables = markdown.match(/^\| *Setting .*\n(?:\|.*\n)*/gm) ?? []
  const rows = tables.flatMap((table) => table.trim().split('\n').slice(2))
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replaceAll('::', '.')),
  )
}

tables.run()
