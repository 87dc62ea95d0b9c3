import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { catalog } from '../../src/components.ts'
import type { Family } from '../../src/metrics/family.ts'
import type { NameStrategy } from '../../src/metrics/prometheus-names.ts'
import { writeText } from '../../src/metrics/text.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { resolveConfig } from '../../src/pipeline/config/resolve.ts'
import { Service } from '../../src/pipeline/service.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { HANDLER_KINDS } from '../../src/processors/hubble_metrics/handlers/kinds.ts'
import { type NodeStatsConfig, nodeStatsConfig } from '../../src/receivers/node_stats/config.ts'
import { nodeStatsFactory } from '../../src/receivers/node_stats/factory.ts'
import { root } from '../support/checkout.ts'
import { createContext } from '../support/create-context.ts'
import { checkMetrics } from '../support/prometheus.ts'
import { treeOf } from '../support/trees.ts'

/** What promtool says of these families, each with one series at least. */
function lint(families: readonly Family[], names: NameStrategy = 'UnderscoreEscapingWithSuffixes'): string[] {
  assert.ok(families.length > 0)
  for (const family of families) if (family.size === 0) family.series(...family.labels.map((label) => `a ${label}`))
  return checkMetrics([...writeText(families, { names })].join(''))
    .split('\n')
    .filter((line) => line !== '')
}

/** Families of every handler but one, with every option that is a word. */
function hubbleFamilies(without: string): readonly Family[] {
  const metrics = Object.entries(HANDLER_KINDS)
    .filter(([name]) => name !== without)
    .map(([name, { options }]) => [name, ...Object.keys(options)].join(';').replace(';', ':'))
  const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
  const connector = new HubbleMetricsConnector(createContext('connector', 'hubble_metrics'), { ...defaults, metrics })
  return connector.source.families()
}

async function nodeFamilies(names: NodeStatsConfig['names']): Promise<readonly Family[]> {
  const defaults = defaultsOf(nodeStatsConfig.schema) as unknown as NodeStatsConfig
  const receiver = await nodeStatsFactory.metrics!(createContext('receiver', 'node_stats'), { ...defaults, names })
  return receiver.source.families()
}

/** A service with most components: nobody answers the one that sends. */
const everything = (folder: string) => `
receivers: {pcap: {file: ${join(root, 'config/replay.pcapng')}}, node_stats: {}}
processors: {memory_limiter: {limit_mib: 1000}, dns: {}, filter: {}, sample: {one_in: 1}, redact: {}}
connectors: {hubble_metrics: {}}
exporters:
  hubble: {endpoint: "127.0.0.1:0"}
  prometheus: {endpoint: "127.0.0.1:0"}
  file: {path: ${join(folder, 'flows.json')}}
  otlp_grpc: {endpoint: "127.0.0.1:1"}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    flows:
      receivers: [pcap]
      processors: [memory_limiter, dns, filter, sample, redact]
      exporters: [hubble, file, otlp_grpc, hubble_metrics]
    metrics: {receivers: [hubble_metrics, node_stats], exporters: [prometheus, otlp_grpc]}
`

const promtool = suite('promtool check metrics')

for (const without of ['http', 'httpV2'])
  promtool(`has nothing against hubble_metrics with every handler but ${without}`, () => {
    assert.equal(lint(hubbleFamilies(without)), [])
  })

/** Names that others gave: `system.network.connection.count` is OpenTelemetry's, and Prometheus' own translation of it. */
const COUNTS = /^(system_network_(connection|conntrack)|networkobservability_forward)_count non-histogram/

for (const names of ['otel', 'retina'] as const)
  promtool(`has nothing against node_stats, but for what ${names} calls a count`, async () => {
    const found = lint(await nodeFamilies(names))
    assert.equal(
      found.filter((line) => !COUNTS.test(line)),
      [],
    )
  })

promtool('has nothing against metrics of the service itself, once they have suffixes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-promtool-'))
  const service = new Service({
    version: '0.0.0',
    fatal: (error) => assert.unreachable(error.message),
    log: pino({ level: 'silent' }),
  })
  try {
    await service.start(await resolveConfig(treeOf(everything(folder)), catalog))
    const families = service.telemetry.families()
    assert.equal(lint(families), [])
    // As they are served: the Collector's names, of which promtool only finds that counters lack their ending.
    const other = lint(families, 'UnderscoreEscapingWithoutSuffixes').filter(
      (line) => !line.endsWith('counter metrics should have "_total" suffix'),
    )
    assert.equal(other, [])
  } finally {
    await service.shutdown()
    rmSync(folder, { recursive: true })
  }
})

promtool.run()
