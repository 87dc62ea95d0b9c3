import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, createReadStream, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DebugConfig } from '../../../src/exporters/debug/config.ts'
import { DebugExporter } from '../../../src/exporters/debug/exporter.ts'
import { TextOutput } from '../../../src/exporters/debug/text-output.ts'
import type { FlowBatch } from '../../../src/flow/batch.ts'
import { EventType, Kind, L7Type, Protocol, Reply, TcpFlag, Verdict } from '../../../src/flow/enums.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'

const test = suite('debug exporter')
const folder = mkdtempSync(join(tmpdir(), 'fovea-debug-'))
test.after(() => rmSync(folder, { recursive: true }))

const CONFIG: DebugConfig = { verbosity: 'normal', color: 'never', flows_per_second: 100, output: 'stdout' }
const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

/** What the exporter writes for these batches. */
async function shown(batches: readonly FlowBatch[], settings: Partial<DebugConfig> = {}, colored = false) {
  const path = join(folder, 'out')
  const fd = openSync(path, 'w')
  const context = createContext('exporter', 'debug')
  const exporter = new DebugExporter(context, { ...CONFIG, ...settings }, new TextOutput(fd), colored)
  await exporter.start()
  for (const batch of batches) exporter.consume(batch)
  await exporter.shutdown(Date.now() + 5_000)
  closeSync(fd)
  const notShown = ownMetric(context, 'fovea_debug_flows_not_shown', { exporter: 'debug' })
  return { text: readFileSync(path, 'utf8'), notShown }
}

const base: FlowRow = { ...TCP_SYN, timeMs: TIME }
const lines: readonly { name: string; row: FlowRow; line: string }[] = [
  {
    name: 'a forwarded packet',
    row: base,
    line: '10.0.0.1:40000 (world) -> 10.0.0.2:80 (world) to-stack FORWARDED (TCP Flags: SYN)',
  },
  {
    name: 'a reply, with the client on the left',
    row: {
      ...base,
      source: '127.0.0.1',
      sourcePort: 80,
      destinationPort: 40_000,
      isReply: Reply.YES,
      eventSubType: 0,
      tcpFlags: TcpFlag.SYN | TcpFlag.ACK,
    },
    line: '10.0.0.2:40000 (world) <- 127.0.0.1:80 (host) to-endpoint FORWARDED (TCP Flags: SYN, ACK)',
  },
  {
    name: 'a drop',
    row: {
      ...base,
      kind: Kind.DROP,
      verdict: Verdict.DROPPED,
      isReply: 0,
      eventType: EventType.DROP,
      eventSubType: 133,
      dropReason: 133,
      dropReasonName: 'IPTABLE_RULE_DROP',
    },
    line: '10.0.0.1:40000 (world) <> 10.0.0.2:80 (world) Policy denied DROPPED (TCP Flags: SYN; Drop Reason: IPTABLE_RULE_DROP)',
  },
  {
    name: 'IPv6 with DNS names',
    row: { ...base, source: '2001:db8::1', destination: '2001:db8::2', destinationNames: 'www.test,edge.test' },
    line: '[2001:db8::1]:40000 (world) -> www.test,edge.test:80 (world) to-stack FORWARDED (TCP Flags: SYN)',
  },
  {
    name: 'ICMP, which has no ports',
    row: { ...base, protocol: Protocol.ICMP, icmpType: 8, sourcePort: 0, destinationPort: 0 },
    line: '10.0.0.1 (world) -> 10.0.0.2 (world) to-stack FORWARDED (ICMPv4 EchoRequest)',
  },
  {
    name: 'a DNS query',
    row: {
      ...base,
      protocol: Protocol.UDP,
      destinationPort: 53,
      eventType: EventType.L7,
      l7: { type: L7Type.REQUEST, query: 'a.test.', types: [1] },
    },
    line: '10.0.0.1:40000 (world) -> 10.0.0.2:53 (world) dns-request packet FORWARDED (DNS Query a.test. A)',
  },
  {
    name: 'names that would command the terminal',
    row: { ...base, destinationNames: 'a\x1b[31m\r\nb' },
    line: '10.0.0.1:40000 (world) -> a^[[31m\\r\\nb:80 (world) to-stack FORWARDED (TCP Flags: SYN)',
  },
]
for (const { name, row, line } of lines)
  test(`the line of hubble observe: ${name}`, async () => {
    assert.is((await shown([flowBatch([row])])).text, `Jan  2 03:04:05.678: ${line}\n`)
  })

test('colours are those of hubble observe', async () => {
  const { text } = await shown([flowBatch([base])], {}, true)
  assert.ok(text.includes('\x1b[36m10.0.0.1:\x1b[0m\x1b[33m40000\x1b[0m \x1b[35m(world)\x1b[0m'))
  assert.ok(text.includes('\x1b[32mFORWARDED\x1b[0m'))
})

test('flows above the limit are counted and told', async () => {
  const batch = () => flowBatch(Array.from({ length: 60 }, () => base))
  const { text, notShown } = await shown([batch(), batch(), batch()], { flows_per_second: 100 })
  const written = text.trimEnd().split('\n')
  assert.is(written.length, 101)
  assert.is(written.at(-1), '… 80 flows not shown')
  assert.is(notShown, 80)
})

test('basic tells sums', async () => {
  const drop = { ...base, verdict: Verdict.DROPPED }
  const { text } = await shown([flowBatch([base, base]), flowBatch([drop])], { verbosity: 'basic' })
  assert.is(text, 'flows: 3, packets: 3, bytes: 222, dropped: 1\n')
})

test('detailed tells every column that holds something', async () => {
  const { text } = await shown([flowBatch([{ ...base, interfaceName: 'veth1', rttUs: 5 }])], { verbosity: 'detailed' })
  for (const part of [
    '     SOURCE: 10.0.0.1:40000',
    '    SUMMARY: TCP Flags: SYN',
    'interfaceName="veth1"',
    'rttUs=5',
    'bytes=74',
  ])
    assert.ok(text.includes(part), part)
})

test('losses are told', async () => {
  assert.is((await shown([flowBatch([], [{ source: 1, count: 1_234 }])])).text, 'EVENTS LOST: 1,234\n')
})

test('an output that nobody can write to does not hold the pipeline up', async () => {
  const fd = openSync('/dev/null', 'r')
  const exporter = new DebugExporter(createContext('exporter', 'debug'), CONFIG, new TextOutput(fd), false)
  await exporter.start()
  for (let i = 0; i < 5; i++) exporter.consume(flowBatch([base]))
  await exporter.shutdown(Date.now() + 5_000)
  closeSync(fd)
})

test('a slow reader costs lines, which are told, and nothing waits for it', async () => {
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  const context = createContext('exporter', 'debug')
  const exporter = new DebugExporter(context, { ...CONFIG, flows_per_second: 0 }, new TextOutput(fd), false)
  await exporter.start()
  const flows = 20 * 1_000
  for (let i = 0; i < 20; i++) exporter.consume(flowBatch(Array.from({ length: 1_000 }, () => base)))
  const notShown = ownMetric(context, 'fovea_debug_flows_not_shown', { exporter: 'debug' })
  assert.ok(notShown > 0 && notShown < flows, `${notShown} of ${flows} not shown`)
  const reader = createReadStream(fifo)
  let text = ''
  reader.on('data', (bytes) => {
    text += bytes
  })
  await exporter.shutdown(Date.now() + 10_000)
  closeSync(fd)
  await once(reader, 'end')
  const lines = text.trimEnd().split('\n')
  assert.is(lines.filter((line) => line.startsWith('Jan')).length, flows - notShown)
})

test.run()
