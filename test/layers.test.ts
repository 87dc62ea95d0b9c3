import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from './support/checkout.ts'

/** What a folder of `src/` may import besides itself. A component may in addition import `native/`. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  flow: [],
  metrics: ['flow'],
  pipeline: ['flow', 'metrics'],
  hubble: ['flow', 'pipeline'],
  kubernetes: ['pipeline'],
  operator: ['kubernetes', 'pipeline'],
  cli: ['hubble', 'operator', 'pipeline'],
}
const COMPONENT = ['flow', 'metrics', 'pipeline', 'hubble', 'kubernetes', 'native']

/** Retina's metrics are handlers of the engine that counts Hubble's; of no other component does one know another. */
const KNOWN = ['processors/retina_metrics imports processors/hubble_metrics']

/** Folder below `src/`; of a component with its kind. */
function layerOf(file: string): string {
  const [top = '', kind = '', type = ''] = file.split('/')
  if (top !== 'src') return top
  return /^(receiver|processor|exporter|extension)s$/.test(kind) ? `${kind}/${type}` : kind
}

function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8')
  const paths = [...source.matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g)].map((match) => match[1] ?? '')
  return paths.map((path) => layerOf(relative(root, join(root, dirname(file), path))))
}

/** Lines `layer imports layer` for what a layer may not know. */
function breachesOf(files: readonly string[]): string[] {
  const breaches = new Set<string>()
  for (const file of files) {
    const layer = layerOf(file)
    const allowed = BELOW[layer] ?? COMPONENT
    for (const other of importsOf(file))
      if (other !== layer && !allowed.includes(other)) breaches.add(`${layer} imports ${other}`)
  }
  return [...breaches]
}

const layers = suite('layers')

layers('no folder of src/ imports what stands above or beside it', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.includes('/') && file.endsWith('.ts'))
    .map((file) => `src/${file}`)
  assert.ok(files.length > 300)
  assert.equal(breachesOf(files), KNOWN)
})

layers.run()
