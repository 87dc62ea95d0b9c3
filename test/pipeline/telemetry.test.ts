import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addProcessMetrics } from '../../src/pipeline/process-metrics.ts'
import { Telemetry } from '../../src/pipeline/telemetry.ts'

const telemetries = suite<{ telemetry: Telemetry }>('Telemetry')

telemetries.before.each((context) => {
  context.telemetry = new Telemetry()
})

function values(telemetry: Telemetry, name: string): number[] {
  const family = telemetry.families().find((candidate) => candidate.name === name)
  return family === undefined ? [] : [...family.ids()].map((id) => family.value(id))
}

telemetries('counters of the same labels are one', ({ telemetry }) => {
  telemetry.counter('a', '', { x: '1' }).add(2)
  telemetry.counter('a', '', { x: '1' }).add(3)
  telemetry.counter('a', '', { x: '2' }).add(4)
  assert.equal(values(telemetry, 'a'), [5, 4])
})

telemetries('a gauge is asked for when it is read, until it ends', ({ telemetry }) => {
  let value = 1
  const end = telemetry.gauge('g', '', { x: '1' }, () => value)
  assert.equal(values(telemetry, 'g'), [1])
  value = 2
  assert.equal(values(telemetry, 'g'), [2])
  end()
  assert.equal(values(telemetry, 'g'), [])
})

telemetries('the end of an old gauge leaves the newer one of the same labels', ({ telemetry }) => {
  const endOld = telemetry.gauge('g', '', { x: '1' }, () => 1)
  const endNew = telemetry.gauge('g', '', { x: '1' }, () => 2)
  endOld()
  assert.equal(values(telemetry, 'g'), [2])
  endNew()
  endNew()
  assert.equal(values(telemetry, 'g'), [])
})

telemetries("the process tells of itself under the Collector's names", ({ telemetry }) => {
  const end = addProcessMetrics(telemetry)
  for (const name of [
    'uptime',
    'cpu_seconds',
    'memory_rss',
    'runtime_heap_alloc_bytes',
    'runtime_total_sys_memory_bytes',
  ]) {
    const [value = 0] = values(telemetry, `otelcol_process_${name}`)
    assert.ok(value > 0, name)
  }
  const [active = 0, idle] = values(telemetry, 'fovea_process_event_loop_seconds')
  assert.ok(active > 0 && idle !== undefined)
  end()
})

telemetries(
  'a counter of what is counted elsewhere goes on over components, and hears the last of one that ends',
  ({ telemetry }) => {
    const value = () => {
      const family = telemetry.families().find(({ name }) => name === 'x')
      return family?.value(family.series('a'))
    }
    let [first, second] = [5, 0]
    const endFirst = telemetry.countOf('x', '', { l: 'a' }, () => first)
    assert.is(value(), 0)
    first += 3
    assert.is(value(), 3)
    const endSecond = telemetry.countOf('x', '', { l: 'a' }, () => second)
    first += 2
    second += 10
    endFirst()
    first += 100
    assert.is(value(), 15)
    endSecond()
    assert.is(value(), 15)
  },
)

telemetries.run()
