import { existsSync, statSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readFlowLogs } from '../../../src/exporters/file/flow-logs-file.ts'
import { eventually } from '../../support/eventually.ts'
import { linesOf, type RunningFile, startFile } from '../../support/file-exporter.ts'
import { numberedBatch } from '../../support/flow-source.ts'
import { flowBatch, TCP_SYN } from '../../support/flows.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const test = suite('flow logs of a file that changes')
const folder = new TemporaryFolder()
let cases = 0

/** A file exporter whose flow logs are described by a file that is read all the time. */
async function running(text: (at: (name: string) => string) => string) {
  const place = ++cases
  const at = (name: string) => folder.at(`${place}-${name}`)
  const describe = (description: string) => writeFileSync(at('flowlogs.yaml'), description)
  describe(text(at))
  const file = await startFile({ dynamic: { path: at('flowlogs.yaml'), interval: 20 } })
  return { file, at, describe }
}

const operations = (file: RunningFile, op: string) =>
  file.metric('hubble_dynamic_exporter_reconfigurations_total', { op })

const DEFAULTS = { maxMegabytes: 10, maxBackups: 5, maxDays: 0, mode: 0o600, createDirectory: true }

test('are added, changed and removed while flows come; what did not change keeps running', async () => {
  const { file, at, describe } = await running(
    (name) => `flowLogs: [{name: stays, filePath: ${name('a.log')}}, {name: changes, filePath: ${name('b.log')}}]`,
  )
  file.exporter.consume(numberedBatch(0, 3))
  describe(
    `flowLogs:\n- {filePath: ${at('b.log')}, name: changes, fieldMask: [verdict]}\n` +
      `- {filePath: ${at('a.log')}, name: stays}\n- {name: new, filePath: ${at('c.log')}}`,
  )
  await eventually(
    'the new description',
    () => (operations(file, 'update') === 1 && existsSync(at('c.log'))) || undefined,
  )
  file.exporter.consume(numberedBatch(3, 2))
  describe(`flowLogs: [{name: stays, filePath: ${at('a.log')}}]`)
  await eventually('the last description', () => operations(file, 'remove') === 2 || undefined)
  file.exporter.consume(numberedBatch(5, 1))
  assert.is(file.metric('hubble_dynamic_exporter_exporters_total', { status: 'active' }), 1)
  assert.is(file.metric('hubble_dynamic_exporter_up', { name: 'stays' }), 1)
  assert.ok(file.metric('hubble_dynamic_exporter_config_hash') > 0)
  assert.ok(file.metric('hubble_dynamic_exporter_config_last_applied') > 1_700_000_000)
  await file.stop()
  assert.equal([linesOf(at('a.log')).length, linesOf(at('b.log')).length, linesOf(at('c.log')).length], [6, 5, 2])
  assert.equal(
    linesOf(at('b.log')).map(({ flow }) => Object.keys(flow!).length > 1),
    [true, true, true, false, false],
  )
  assert.is(operations(file, 'add'), 3)
  assert.is(operations(file, 'failure'), 0)
})

test('stay as they are when the new description is bad, which is told with its place', async () => {
  const { file, at, describe } = await running((name) => `flowLogs: [{name: a, filePath: ${name('a.log')}}]`)
  describe(`flowLogs:\n- name: a\n  filePath: ${at('other.log')}\n  fieldMask: [nope]\n`)
  await eventually('the refusal', () => operations(file, 'failure') > 0 || undefined)
  file.exporter.consume(numberedBatch(0, 1))
  const [line] = file.context.lines
  assert.match(
    line!.msg,
    /^Flow logs stay as they are: flowLogs::0::fieldMask::0: invalid fieldmask: flow\.Flow has no field "nope" \(.*flowlogs\.yaml:4:15\)$/,
  )
  assert.is(file.context.statuses.at(-1)?.at, 'recoverable_error')
  describe(`flowLogs: [{name: a, filePath: ${at('a.log')}}]`)
  await eventually('the good one', () => file.context.statuses.at(-1)?.at === 'ok' || undefined)
  assert.is(file.context.lines.filter(({ msg }) => msg.startsWith('Flow logs stay')).length, 1)
  await file.stop()
  assert.is(linesOf(at('a.log')).length, 1)
  assert.not(existsSync(at('other.log')))
})

test('stay as they are when filters are good one by one, and too large together', async () => {
  const { file, at, describe } = await running((name) => `flowLogs: [{name: a, filePath: ${name('a.log')}}]`)
  const large = `[{http_path: ['${'a{1000}'.repeat(6)}']}]`
  describe(
    `flowLogs:\n- name: a\n  filePath: ${at('other.log')}\n  includeFilters: ${large}\n  excludeFilters: ${large}\n`,
  )
  await eventually('the refusal', () => operations(file, 'failure') > 0 || undefined)
  file.exporter.consume(numberedBatch(0, 1))
  assert.match(
    file.context.lines.at(-1)!.msg,
    /^Flow logs stay as they are: .*together they may have 10000 instructions/,
  )
  await file.stop()
  assert.is(linesOf(at('a.log')).length, 1)
})

test('take over the file of one another, and no line is lost', async () => {
  const { file, at, describe } = await running((name) => `flowLogs: [{name: a, filePath: ${name('a.log')}}]`)
  for (let round = 0; round < 10; round++) {
    file.exporter.consume(numberedBatch(round * 100, 100))
    describe(`flowLogs: [{name: n${round}, filePath: ${at('a.log')}, fieldMask: [IP.source]}]`)
    await eventually('the next description', () => operations(file, 'remove') === round + 1 || undefined)
  }
  file.exporter.consume(numberedBatch(1_000, 100))
  await file.stop()
  assert.is(new Set(linesOf(at('a.log')).map(({ flow }) => flow?.IP?.source)).size, 1_100)
})

test('past their end are inactive', async () => {
  const { file, at } = await running(
    (name) =>
      `flowLogs: [{name: past, filePath: ${name('a.log')}, end: 2023-10-09T23:59:59-07:00},` +
      ` {name: future, filePath: ${name('b.log')}, end: "2999-01-01T00:00:00Z"}]`,
  )
  file.exporter.consume(flowBatch([TCP_SYN]))
  assert.is(file.metric('hubble_dynamic_exporter_exporters_total', { status: 'inactive' }), 1)
  assert.is(file.metric('hubble_dynamic_exporter_up', { name: 'past' }), 0)
  assert.is(file.metric('hubble_dynamic_exporter_up', { name: 'future' }), 1)
  await file.stop()
  assert.is(statSync(at('a.log')).size, 0)
  assert.is(linesOf(at('b.log')).length, 1)
})

test('that cannot be opened are tried again, and flows wait for them meanwhile', async () => {
  const { file, at, describe } = await running(
    (name) => `flowLogs: [{name: a, filePath: ${name('flowlogs.yaml')}/below}]`,
  )
  file.exporter.consume(flowBatch([TCP_SYN]))
  await eventually('another attempt', () => operations(file, 'failure') > 2 || undefined)
  describe(`flowLogs: [{name: b, filePath: ${at('b.log')}}]`)
  await eventually('the good one', () => existsSync(at('b.log')) || undefined)
  assert.is(file.metric('fovea_file_lost_flows', { cause: 'shutdown' }), 1)
  file.exporter.consume(flowBatch([TCP_SYN]))
  await file.stop()
  assert.is(linesOf(at('b.log')).length, 1)
})

const mistakes: { text: string; message: RegExp }[] = [
  { text: 'flowLogs: {}', message: /^flowLogs: expected a list \(f:1:11\)$/ },
  { text: 'flowlogs: []', message: /unknown key "flowlogs" \(valid keys: flowLogs\) \(f:1:1\)$/ },
  { text: 'flowLogs: [{filePath: /a}]', message: /^flowLogs::0::name: name is required \(f:1:12\)$/ },
  { text: 'flowLogs: [{name: a}]', message: /filePath is required/ },
  {
    text: 'flowLogs: [{name: a, filePath: /a}, {name: a, filePath: /b}]',
    message: /name "a" stands twice \(f:1:37\)$/,
  },
  { text: 'flowLogs: [{name: a, filePath: /a}, {name: b, filePath: /a}]', message: /filePath "\/a" stands twice/ },
  { text: 'flowLogs: [{name: a, filePath: /a, end: soon}]', message: /end: expected a time such as/ },
  { text: 'flowLogs: [{name: a, filePath: /a, aggregationInterval: 5}]', message: /the unit is missing/ },
  {
    text: 'flowLogs: [{name: a, filePath: /a, includeFilters: [{source_ip: [x]}]}]',
    message: /includeFilters::0: invalid IP address "x" in filter/,
  },
  { text: 'flowLogs: [', message: /not valid YAML/ },
]
for (const { text, message } of mistakes) {
  test(`say what is wrong with ${text}`, () => assert.throws(() => readFlowLogs(text, 'f', DEFAULTS), message))
}

test('mean the same in another order', () => {
  const key = (text: string) => readFlowLogs(text, 'f', DEFAULTS)[0]?.key
  const one = '{name: a, filePath: /a, fieldMask: [verdict, time], includeFilters: [{verdict: [1]}, {reply: [true]}]}'
  const other = '{filePath: /a, name: a, includeFilters: [{reply: [true]}, {verdict: [1]}], fieldMask: [time, verdict]}'
  assert.is(key(`flowLogs: [${one}]`), key(`flowLogs: [${other}]`))
  assert.is.not(key(`flowLogs: [${one}]`), key('flowLogs: [{name: a, filePath: /a}]'))
})

test('are at most 64', () => {
  const logs = Array.from({ length: 65 }, (_, i) => `{name: n${i}, filePath: /f${i}}`)
  assert.throws(() => readFlowLogs(`flowLogs: [${logs.join()}]`, 'f', DEFAULTS), /at most 64 flow logs/)
})

test('may be none', () => {
  assert.equal(readFlowLogs('', 'f', DEFAULTS), [])
  assert.equal(readFlowLogs('flowLogs:', 'f', DEFAULTS), [])
})

test.after(() => folder.remove())

test.run()
