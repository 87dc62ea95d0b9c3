import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../../support/eventually.ts'
import { backupsOf, linesOf, startFile } from '../../support/file-exporter.ts'
import { numberedBatch } from '../../support/flow-source.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const test = suite('file of the file exporter')
const folder = new TemporaryFolder()
let files = 0
const newPath = () => folder.at(`${++files}/flows.log`)

test.after(() => folder.remove())

test('rotates before a file becomes too large, compresses, and keeps so many', async () => {
  const path = newPath()
  const file = await startFile({ path, queue_mib: 64, rotation: { max_megabytes: 1, max_backups: 3, compress: true } })
  for (let i = 0; i < 5; i++) {
    file.exporter.consume(numberedBatch(i * 1_500, 1_500))
    await eventually(
      'the batch to be written',
      () => file.metric('otelcol_exporter_sent_flows') === (i + 1) * 1_500 || undefined,
    )
  }
  await file.stop()
  const backups = backupsOf(path)
  assert.is(file.metric('fovea_file_rotations'), 5)
  assert.is(backups.length, 3)
  for (const backup of backups) assert.match(backup, /flows-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log\.gz$/)
  const sources = [...backups, path].flatMap((name) => linesOf(name).map(({ flow }) => flow?.IP?.source))
  // What is left is the end of it, without a gap.
  const wanted = linesOfNumbers(7_500 - sources.length, 7_500)
  assert.equal(sources, wanted)
})

function linesOfNumbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `0.0.${(from + i) >> 8}.${(from + i) & 255}`)
}

test('finishes at its start what a killed process left: cut lines, half compressed files, too many of them', async () => {
  const path = newPath()
  mkdirSync(path.replace('/flows.log', ''))
  const whole = '{"flow":{},"node_name":"a"}\n'
  writeFileSync(path, `${whole}{"flow":{"ti`)
  const [old, half] = ['flows-2026-01-01T00-00-00.000.log', 'flows-2026-01-02T00-00-00.000.log']
  for (const name of [old, half]) writeFileSync(path.replace('flows.log', name), whole)
  writeFileSync(path.replace('flows.log', `${half}.gz.part`), 'x')
  const foreign = path.replace('flows.log', 'flows-of-somebody.log')
  writeFileSync(foreign, 'stays')
  const file = await startFile({ path, rotation: { max_backups: 1, compress: true } })
  await file.stop()
  assert.is(readFileSync(path, 'utf8'), whole)
  assert.equal(backupsOf(path), [path.replace('flows.log', `${half}.gz`)])
  assert.is(linesOf(backupsOf(path)[0]!).length, 1)
  assert.is(readFileSync(foreign, 'utf8'), 'stays')
})

test('cuts off zeros that a crash of the machine left', async () => {
  const path = folder.at('zeros.log')
  writeFileSync(path, Buffer.concat([Buffer.from('{}\n{"a'), Buffer.alloc(200_000)]))
  await (await startFile({ path })).stop()
  assert.is(readFileSync(path, 'utf8'), '{}\n')
})

test('does not touch a file that is not its own', async () => {
  const path = folder.at('somebody.bin')
  writeFileSync(path, Buffer.alloc(100_000, 1))
  let message = ''
  await startFile({ path }).catch((error: Error) => (message = error.message))
  assert.match(message, /somebody\.bin: it does not end in lines/)
  assert.is(statSync(path).size, 100_000)
})

test('two exporters do not write to one file', async () => {
  const path = newPath()
  const file = await startFile({ path })
  let message = ''
  await startFile({ path }).catch((error: Error) => (message = error.message))
  assert.match(message, 'is already written by this process: name another path')
  await file.stop()
  await (await startFile({ path })).stop()
})

test('goes on in a new file where another program moved the old one, and after it was cut to nothing', async () => {
  const path = newPath()
  const file = await startFile({ path, sync_interval: 20 })
  const write = async (flows: number) => {
    file.exporter.consume(numberedBatch(0, 1))
    await eventually('the flow to be written', () => file.metric('otelcol_exporter_sent_flows') === flows || undefined)
  }
  await write(1)
  renameSync(path, `${path}.moved`)
  let written = 1
  await eventually('a new file', async () => {
    await write(++written)
    return statSync(path, { throwIfNoEntry: false })
  })
  writeFileSync(path, '')
  await write(++written)
  await file.stop()
  assert.is(linesOf(path).length, 1)
  assert.ok(linesOf(`${path}.moved`).length >= 1)
})

test('a folder is no file', async () => {
  let message = ''
  await startFile({ path: folder.path }).catch((error: Error) => (message = error.message))
  assert.match(message, 'is a folder: name a file in it')
})

test('appends to what is there', async () => {
  const path = folder.at('there.log')
  appendFileSync(path, '{}\n')
  const file = await startFile({ path })
  file.exporter.consume(numberedBatch(0, 1))
  await file.stop()
  assert.is(linesOf(path).length, 2)
})

test.run()
