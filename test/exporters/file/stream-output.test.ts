import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../support/checkout.ts'
import { eventually } from '../../support/eventually.ts'
import { startFile } from '../../support/file-exporter.ts'
import { numberedBatch } from '../../support/flow-source.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const test = suite('file exporter and streams')
const folder = new TemporaryFolder()

/** Writes so many flows to its standard output. */
const TO_STDOUT = `
  import { startFile } from ${JSON.stringify(join(root, 'test/support/file-exporter.ts'))}
  import { numberedBatch } from ${JSON.stringify(join(root, 'test/support/flow-source.ts'))}
  const file = await startFile({ path: 'stdout' })
  file.exporter.consume(numberedBatch(0, 2_000))
  await file.stop()
  const lost = file.metric('fovea_file_lost_flows', { cause: 'output_closed' })
  console.error(JSON.stringify([file.metric('otelcol_exporter_sent_flows'), lost, file.context.statuses.at(-1)]))
`

function writer(): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--input-type=module', '--eval', TO_STDOUT], { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += chunk
  return text
}

test('all lines go to standard output, past a pipe that is full now and then', async () => {
  const child = writer()
  const [out, error] = await Promise.all([textOf(child.stdout), textOf(child.stderr)])
  const lines = out.trimEnd().split('\n')
  assert.is(lines.length, 2_000)
  for (const line of lines) JSON.parse(line)
  assert.equal(JSON.parse(error), [2_000, 0, null])
})

test('a reader that goes away ends it, and what is lost is counted', async () => {
  const child = writer()
  const told = textOf(child.stderr)
  child.stdout?.destroy()
  await once(child, 'exit')
  const [sent, lost, status] = JSON.parse(await told)
  assert.is(sent + lost, 2_000)
  assert.ok(lost > 0)
  assert.is(status.at, 'permanent_error')
})

test('a named pipe takes lines once somebody reads; who does not read does not hold the pipeline up', async () => {
  const path = folder.at('pipe')
  execFileSync('mkfifo', [path])
  const file = await startFile({ path })
  file.exporter.consume(numberedBatch(0, 1_000))
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(file.metric('otelcol_exporter_sent_flows') < 1_000)
  const reader = openSync(path, 'r')
  const block = Buffer.alloc(64 * 1024)
  let text = ''
  await eventually('all lines', async () => {
    text += block.toString('utf8', 0, file.metric('otelcol_exporter_sent_flows') < 1_000 ? readSync(reader, block) : 0)
    return file.metric('otelcol_exporter_sent_flows') === 1_000 || undefined
  })
  await file.stop()
  for (let bytes = readSync(reader, block); bytes > 0; bytes = readSync(reader, block))
    text += block.toString('utf8', 0, bytes)
  closeSync(reader)
  assert.is(text.trimEnd().split('\n').length, 1_000)
})

test.after(() => folder.remove())

test.run()
