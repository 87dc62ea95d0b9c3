import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { advice, nearestWord } from '../../../src/pipeline/config/suggest.ts'

const suggestions = suite('nearestWord')

const cases: [word: string, candidates: string[], nearest: string | undefined][] = [
  ['recievers', ['receivers', 'processors', 'exporters'], 'receivers'],
  ['ebfp', ['ebpf', 'pcap'], 'ebpf'],
  ['enpoint', ['endpoint', 'tls'], 'endpoint'],
  ['Endpoint', ['endpoint'], 'endpoint'],
  ['report_intervall', ['report_interval', 'interfaces'], 'report_interval'],
  ['zipkin', ['otlp_grpc', 'hubble'], undefined],
  ['ab', ['xy'], undefined],
  ['x', [], undefined],
]
for (const [word, candidates, nearest] of cases) {
  suggestions(`${word} is ${nearest ?? 'nothing known'}`, () => assert.is(nearestWord(word, candidates), nearest))
}

suggestions('without a near word the valid ones are listed in order', () => {
  assert.is(advice('zipkin', ['pcap', 'ebpf'], 'values'), ' (valid values: ebpf, pcap)')
})

suggestions.run()
