import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { catalog } from '../../src/components.ts'
import { unreadableFiles } from '../../src/pipeline/config/check-files.ts'
import { loadTree } from '../../src/pipeline/config/load.ts'
import { printable } from '../../src/pipeline/config/print.ts'
import { resolveConfig } from '../../src/pipeline/config/resolve.ts'
import { root } from '../support/checkout.ts'

const samples = suite('config/')

const folder = join(root, 'config')
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))

samples('holds what npm start runs', () =>
  assert.ok(files.includes('standalone.yaml') && files.includes('replay.yaml')),
)

for (const file of files) {
  samples(`${file} is good, and so is what print-config makes of it`, async () => {
    const { tree, unset } = loadTree({ configs: [join(folder, file)], sets: [] })
    assert.equal(unset, [])
    const config = await resolveConfig(tree, catalog)
    process.chdir(root)
    assert.equal(await unreadableFiles(config), [])
    const printed = JSON.stringify(printable(config, false)).replaceAll('$', () => '$$')
    const again = await resolveConfig(loadTree({ configs: [`yaml:${printed}`], sets: [] }).tree, catalog)
    assert.equal(printable(again, false), printable(config, false))
  })
}

samples.run()
