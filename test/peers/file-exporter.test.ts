import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LostSource } from '../../src/flow/enums.ts'
import { FlowRows } from '../../src/receivers/hubble/flow-rows.ts'
import { ForeignEndpoints } from '../../src/receivers/hubble/foreign-endpoints.ts'
import { eventually } from '../support/eventually.ts'
import { backupsOf, linesOf, startFile } from '../support/file-exporter.ts'
import { encodeFlow, flowMessage } from '../support/flow-messages.ts'
import { numberedBatch } from '../support/flow-source.ts'
import { hubble, startHubble } from '../support/hubble.ts'
import { SAMPLE, sampleBatch } from '../support/hubble-flows.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** Files of flows, read by the real Hubble CLI. */
const test = suite('file exporter and the hubble CLI')
const folder = new TemporaryFolder()

/** `hubble observe` over a file. */
async function observe(path: string, ...args: string[]): Promise<string[]> {
  const { lines, code, stderr } = await hubble('localhost:1', ['observe', '--input-file', path, ...args])
  assert.is(code, 0, stderr)
  return lines
}

const selections = [
  ['--output', 'compact'],
  ['--output', 'dict'],
  ['--output', 'table'],
  ['--print-node-name'],
  ['--pod', 'default/xwing', '--protocol', 'udp'],
  ['--verdict', 'DROPPED'],
  ['--not', '--protocol', 'tcp'],
  ['--allowlist', '{"dns_query":["^www"]}'],
  ['--tcp-flags', 'SYN,ACK'],
]

test('prints of a file what it prints live', async () => {
  const path = folder.at('sample.log')
  const [live, file] = [await startHubble(), await startFile({ path })]
  const lost = { source: LostSource.OBSERVER_EVENTS_QUEUE, count: 42 }
  live.exporter.consume(sampleBatch(live.endpoints))
  file.exporter.consume(sampleBatch(file.endpoints))
  await file.stop()
  for (const args of selections) {
    // The CLI's own mask for live flows does not apply to files.
    const wanted = await hubble(live.server, ['observe', '--all', '--use-default-field-masks=false', ...args])
    assert.is(wanted.code, 0, wanted.stderr)
    assert.ok(wanted.lines.length > 0, args.join(' '))
    assert.equal(await observe(path, '--all', ...args), wanted.lines, args.join(' '))
  }
  await live.stop()
  const losses = await startFile({ path })
  losses.exporter.consume(sampleBatch(losses.endpoints, [lost]))
  await losses.stop()
  const lines = await observe(path, '--all')
  assert.is(lines.length, 2 * SAMPLE.length + 1)
  assert.match(lines[SAMPLE.length]!, / EVENTS LOST: OBSERVER_EVENTS_QUEUE .*42$/)
})

test('prints our own lines as JSON byte for byte as they are', async () => {
  const path = folder.at('own.log')
  const file = await startFile({ path })
  file.exporter.consume(sampleBatch(file.endpoints))
  await file.stop()
  assert.equal(await observe(path, '--all', '--output', 'json'), textLines(path))
})

test('prints lines of any flow of another observer byte for byte as they are', async () => {
  const path = folder.at('generated.log')
  const file = await startFile({ path })
  const rows = new FlowRows(file.endpoints, new ForeignEndpoints(file.endpoints, 1_024))
  const flows = fc.sample(flowMessage, 1_000)
  for (const flow of flows) {
    const bytes = encodeFlow({ ...flow, Summary: `${flow.Summary}"\\<&>\u2028\t\u0001é😀` })
    assert.ok(rows.add(bytes, 0, bytes.length))
  }
  file.exporter.consume(rows.take([]))
  await file.stop()
  assert.is(textLines(path).length, flows.length)
  assert.equal(await observe(path, '--all', '--output', 'json'), textLines(path))
})

test('prints sums of flows', async () => {
  const path = folder.at('sums.log')
  const file = await startFile({
    path,
    field_aggregate: ['source', 'destination', 'verdict'],
    aggregation_interval: 1e6,
  })
  file.exporter.consume(sampleBatch(file.endpoints))
  await file.stop()
  const printed = await observe(path, '--all', '--output', 'json')
  assert.is(printed.length, textLines(path).length)
  assert.ok(printed.some((line) => line.includes('"aggregate":{"ingress_flow_count":1')))
})

test('reads every line of every file after each kill -9 in the middle of writing, rotating and compressing', async () => {
  const path = folder.at('killed/flows.log')
  for (let round = 0; round < 4; round++) {
    const writer = spawn(process.execPath, [join(import.meta.dirname, '../support/file-writer.ts'), path], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const seen = new Set(existing(path))
    await eventually('a rotated file of its own', () => existing(path).some((name) => !seen.has(name)) || undefined)
    await setTimeout(97 * round)
    writer.kill('SIGKILL')
    await once(writer, 'exit')
    // What is complete by its name is whole also before anybody has tidied up.
    for (const backup of backupsOf(path)) if (!backup.endsWith('.part')) linesOf(backup)
    await (await startFile({ path, rotation: { max_backups: 4, compress: true } })).stop()
    for (const name of [...backupsOf(path), path]) await readsAll(name)
    assert.equal(
      backupsOf(path).filter((name) => !name.endsWith('.gz')),
      [],
    )
    assert.ok(backupsOf(path).length <= 4)
  }
})

test('a full disk leaves whole lines, flows wait, and all of them are there when it has room again', async () => {
  const mount = folder.at('disk')
  mkdirSync(mount)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount])
  try {
    const [path, filler] = [join(mount, 'flows.log'), join(mount, 'filler')]
    writeFileSync(filler, Buffer.alloc(3 * 1024 * 1024))
    const file = await startFile({ path })
    const flows = 3_000
    file.exporter.consume(numberedBatch(0, flows))
    await eventually('the full disk', () => file.metric('fovea_file_write_failures') > 0 || undefined)
    assert.is(file.context.statuses.at(-1)?.at, 'recoverable_error')
    const written = file.metric('otelcol_exporter_sent_flows')
    assert.ok(written > 0 && written < flows)
    assert.is(linesOf(path).length, written)
    rmSync(filler)
    await eventually('the rest', () => file.metric('otelcol_exporter_sent_flows') === flows || undefined)
    assert.is(file.context.statuses.at(-1)?.at, 'ok')
    await file.stop()
    assert.is(file.metric('otelcol_exporter_send_failed_flows'), 0)
    assert.is((await observe(path, '--all')).length, flows)
  } finally {
    execFileSync('umount', [mount])
  }
})

test('a disk that stays full costs the flows that find no room in the queue or wait at the end, each counted by its cause', async () => {
  const mount = folder.at('small-disk')
  mkdirSync(mount)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount])
  try {
    const path = join(mount, 'flows.log')
    const file = await startFile({ path, queue_mib: 1 })
    let flows = 0
    for (let i = 0; i < 10; i++, flows += 4_000) {
      try {
        file.exporter.consume(numberedBatch(0, 4_000))
      } catch {
        // Refused, and counted.
      }
    }
    await eventually('the full disk', () => file.metric('fovea_file_write_failures') > 0 || undefined)
    await file.stop()
    const lost = (cause: string) => file.metric('fovea_file_lost_flows', { cause })
    const lines = (await observe(path, '--all')).length
    assert.ok(lost('queue_full') > 0 && lost('shutdown') > 0 && lines > 0)
    assert.is(lines + lost('queue_full') + lost('shutdown'), flows)
    assert.equal(readdirSync(mount), ['flows.log'])
  } finally {
    execFileSync('umount', [mount])
  }
})

/** The CLI prints as many lines as the file has. */
async function readsAll(path: string): Promise<void> {
  const plain = folder.at('plain.log')
  writeFileSync(plain, path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path))
  assert.is((await observe(plain, '--all')).length, linesOf(path).length, path)
}

function existing(path: string): string[] {
  try {
    return backupsOf(path)
  } catch {
    return [] // the folder is not there yet
  }
}

function textLines(path: string): string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n')
}

test.after(() => folder.remove())

test.run()
