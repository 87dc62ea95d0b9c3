import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/checkout.ts'
import { FoveaProcess } from '../support/fovea-process.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** Settings under which `config/replay.yaml` takes free ports. */
const PORTS = [
  'exporters.hubble.endpoint=localhost:0',
  'exporters.prometheus.endpoint=localhost:0',
  'service.extensions=[]',
  'service.telemetry.metrics.level=none',
]

/** Files and folders, as npm packs them. */
function packed(): string[] {
  const list = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8' })
  const [{ files }] = JSON.parse(list) as [{ files: { path: string }[] }]
  return files.map(({ path }) => path)
}

/** Files and folders that the image takes from its build stage. */
function copied(): string[] {
  const lines = readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/^COPY --from=build (.+) \S+$/gm)
  const paths = [...lines].flatMap((line) => (line[1] ?? '').split(' ').map((path) => path.replace('/fovea/', '')))
  return paths.filter((path) => path !== 'node_modules')
}

const shipped = suite('what ships')

for (const { name, paths } of [
  { name: 'the npm package', paths: packed },
  { name: 'the image', paths: copied },
])
  shipped(`${name} has everything that a run needs`, async () => {
    const folder = new TemporaryFolder()
    for (const path of paths()) cpSync(join(root, path), folder.at(path), { recursive: true })
    symlinkSync(join(root, 'node_modules'), folder.at('node_modules'))
    const sets = [...PORTS, `receivers.pcap.file=${folder.at('config/replay.pcapng')}`].flatMap((set) => ['--set', set])
    const args = ['run', '--config', folder.at('config/replay.yaml'), ...sets]
    const fovea = new FoveaProcess(args, {}, folder.at('dist/src/main.js'))
    try {
      await fovea.wrote(/Everything is ready/)
      await fovea.wrote(/ -> .* FORWARDED/)
      fovea.signal('SIGTERM')
      assert.is((await fovea.ended()).status, 0)
    } finally {
      await fovea.kill()
      folder.remove()
    }
  })

shipped.run()
