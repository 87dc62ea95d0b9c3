import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/checkout.ts'
import { peer } from '../support/peers.ts'

const test = suite('debug exporter beside the hubble CLI')
const folder = mkdtempSync(join(tmpdir(), 'fovea-lines-'))
test.after(() => rmSync(folder, { recursive: true }))

const socket = join(folder, 'hubble.sock')
const config = {
  receivers: { pcap: { file: join(root, 'config/replay.pcapng'), vantage: 'endpoint', speed: 50 } },
  processors: { dns: {} },
  exporters: { debug: { flows_per_second: 0 }, hubble: { endpoint: '127.0.0.1:0', unix_socket: { path: socket } } },
  service: {
    telemetry: { metrics: { level: 'none' } },
    pipelines: { flows: { receivers: ['pcap'], processors: ['dns'], exporters: ['debug', 'hubble'] } },
  },
}

test('every line of the shipped capture is the one that hubble observe prints', async () => {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, JSON.stringify(config))
  const agent = spawn(process.execPath, [join(root, 'src/main.ts'), 'run', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed: string[] = []
  createInterface(agent.stdout).on('line', (line) => printed.push(line))
  try {
    for await (const line of createInterface(agent.stderr)) if (line.includes('was replayed to its end')) break
    const flags = ['--server', `unix://${socket}`, 'observe', '--all', '--output', 'compact']
    const observed = execFileSync(peer('hubble'), [...flags, '--use-default-field-masks=false'], { encoding: 'utf8' })
    agent.kill('SIGINT')
    await once(agent, 'close')
    // The command line says where to look next on the same stream.
    const flows = printed.filter((line) => /^[A-Z][a-z]{2} [ \d]\d /.test(line))
    assert.ok(flows.length > 300, `${flows.length} lines`)
    assert.equal(flows.sort(), observed.trimEnd().split('\n').sort())
  } finally {
    agent.kill('SIGKILL')
  }
})

test.run()
