import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { consoleLine, createLogger } from '../../src/pipeline/log.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

const logs = suite<{ folder: TemporaryFolder }>('log')

logs.before.each((context) => {
  context.folder = new TemporaryFolder()
})
logs.after.each(({ folder }) => folder.remove())

const settings = { level: 'info', encoding: 'console', output_paths: [], initial_fields: {} } as const

logs('a line for people has time, level, message and fields, by tabs', ({ folder }) => {
  const file = folder.at('deep/a.log')
  const log = createLogger({ ...settings, output_paths: [file], initial_fields: { site: 'x' } })
  log.child({ 'otelcol.component.id': 'ebpf' }).warn({ flows: 3 }, 'Data refused')
  log.info('Ready')
  log.debug('not wanted')
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  assert.equal(
    lines.map((columns) => columns.slice(1)),
    [
      ['warn', 'Data refused', '{"site":"x","otelcol.component.id":"ebpf","flows":3}'],
      ['info', 'Ready', '{"site":"x"}'],
    ],
  )
  assert.ok(lines.every(([time = '']) => new Date(time).toISOString() === time))
})

logs('JSON goes to every path', ({ folder }) => {
  const files = [folder.at('a'), folder.at('b')]
  createLogger({ ...settings, encoding: 'json', output_paths: files }).error({ err: new Error('boom') }, 'Failed')
  for (const file of files) {
    const { level, msg, err } = JSON.parse(readFileSync(file, 'utf8'))
    assert.equal([level, msg, err.message], ['error', 'Failed', 'boom'])
  }
})

logs('an error is its message, with its stack at debug', () => {
  const line = (level: string) =>
    consoleLine(JSON.stringify({ time: 't', level, msg: 'm', err: { message: 'boom', stack: 'at x' } }))
  assert.is(line('error'), 't\terror\tm\t{"error":"boom"}\n')
  assert.is(line('debug'), 't\tdebug\tm\t{"error":"at x"}\n')
})

logs.run()
