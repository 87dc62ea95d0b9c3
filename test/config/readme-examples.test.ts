import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { catalog } from '../../src/components.ts'
import { loadTree } from '../../src/pipeline/config/load.ts'
import { resolveConfig } from '../../src/pipeline/config/resolve.ts'
import { root } from '../support/checkout.ts'
import { documents } from '../support/documents.ts'

/** Variables are not set, and whatever `${file:…}` names is there. */
const SURROUNDINGS = { env: {}, readFile: () => 'secret' }

/** What an example that shows one component leaves to the reader. */
const REST =
  'service: {pipelines: {flows: {receivers: [nop], exporters: [nop]}}}\nreceivers: {nop: }\nexporters: {nop: }'

const examples = suite('examples in YAML')

for (const file of documents()) {
  const text = readFileSync(join(root, file), 'utf8')
  for (const [index, [, yaml = '']] of [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].entries()) {
    examples(`${file}: example ${index + 1} is a good configuration`, async () => {
      const complete = /^ *pipelines:/m.test(yaml)
      const configs = [...(complete ? [] : [`yaml:${REST}`]), `yaml:${yaml}`]
      const { tree } = loadTree({ configs, sets: [] }, SURROUNDINGS)
      await resolveConfig(tree, catalog)
    })
  }
}

examples('are found', () => assert.ok(documents().length > 15))

examples.run()
