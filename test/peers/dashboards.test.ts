import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { accountWith, shippedRole } from '../support/agent-role.ts'
import { makeCertificates } from '../support/certificates.ts'
import { Cluster } from '../support/cluster.ts'
import {
  type PlacedQuery,
  panelQueries,
  ruleFiles,
  ruleQueries,
  runbookQueries,
  variableQueries,
} from '../support/dashboard-queries.ts'
import { eventually } from '../support/eventually.ts'
import { KubernetesAgent } from '../support/kubernetes-agent.ts'
import { PrometheusServer, type Sample } from '../support/prometheus.ts'
import { Shop } from '../support/shop.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'
import { Tunnel } from '../support/tunnel.ts'

/**
 * The agent as it ships for clusters, pods whose network is ill, a real API server, and a real Prometheus that scrapes and is
 * sent the same by OTLP. Every query of every panel, variable and rule must show something there.
 */
const test = suite('dashboards and rules')

/** Ports of config/kubernetes.yaml. */
const PORTS = { data: 9_965, own: 8_888 }

/** Names of metrics and of recorded series, but for `up`. */
const METRIC = /\b(?:\w+:)?(?:fovea|hubble|otelcol(?!_component)|system)_\w+(?::\w+)?/g

/** Metrics of runbooks that are not there, and why. */
const ABSENT = { fovea_node_interface_driver: 'drivers of veths count no errors or drops' }

/** What Grafana puts in. */
const VARIABLES: Readonly<Record<string, string>> = {
  __rate_interval: '20s',
  cluster: 'east',
  node: 'node-1',
  job: 'fovea',
  namespace: 'shop',
  workload: 'report',
  point: 'to-endpoint',
}

const folder = new TemporaryFolder()
const shop = new Shop('dashboards')
const prometheus = new PrometheusServer()
const tunnels: Tunnel[] = []
let cluster: Cluster
let agent: KubernetesAgent

test.before(async () => {
  cluster = await Cluster.start()
  await shop.describe(cluster)
  const { node } = shop.network
  for (const port of [PORTS.data, PORTS.own]) tunnels.push(await Tunnel.from(node, port))
  const labels =
    'relabel_configs: [{target_label: cluster, replacement: east}, {target_label: node, replacement: node-1}]'
  const scrape = `scrape_interval: 1s, scrape_timeout: 1s, ${labels}`
  const flags = ['--web.enable-otlp-receiver', '--query.lookback-delta=1m']
  await prometheus.start(
    tunnels.map(({ port }) => port),
    scrape,
    flags,
    ruleFiles(),
  )
  tunnels.push(await Tunnel.to(Number(new URL(cluster.url).port), node), await Tunnel.to(prometheus.port, node))
  const kubeconfig = accountWith(cluster, 'agent', ['agent-cluster-role', 'agent-events-cluster-role'].map(shippedRole))
  const { cert, key } = makeCertificates(folder.path)
  const otlp = `{endpoint: "http://127.0.0.1:${prometheus.port}/api/v1/otlp", timeout: 1s, metrics: {interval: 1s}}`
  const sets = [
    `exporters.otlp_http=${otlp}`,
    // It takes no flows: there is a queue, and something that fails.
    'service.pipelines.flows.exporters=[hubble, hubble_metrics, otlp_http]',
    'service.pipelines.metrics.exporters=[prometheus, otlp_http]',
    'receivers.ebpf.report_interval=1s',
    `exporters.hubble.tls={cert_file: ${cert}, key_file: ${key}}`,
  ]
  agent = await KubernetesAgent.start(node, { kubeconfig, node: 'node-1', sets })
  await shop.open()
})

test.after(async () => {
  shop.remove()
  await agent?.stop()
  for (const tunnel of tunnels) await tunnel.close()
  await prometheus.stop()
  await cluster?.stop()
  folder.remove()
})

/** The series of a query with the variables put in, those that have a number. */
async function ask(expression: string, variables: Readonly<Record<string, string>>): Promise<Sample[]> {
  const samples = await prometheus.query(expression.replaceAll(/\$(\w+)/g, (whole, name) => variables[name] ?? whole))
  return samples.filter(({ value }) => Number.isFinite(value))
}

/** Why a query does not show what it should; undefined when it does. Some labels only other workloads have. */
async function fault({ expression, shown }: PlacedQuery): Promise<string | undefined> {
  const samples = await ask(expression, VARIABLES)
  if (samples.length === 0) return 'no data'
  const missing = (from: readonly Sample[]) => shown.filter((label) => from.every(({ metric }) => !metric[label]))
  if (missing(samples).length === 0) return undefined
  const lacking = missing(await ask(expression, { ...VARIABLES, namespace: '.*', workload: '.*' }))
  return lacking.length > 0 ? `no ${lacking.join(', ')}` : undefined
}

async function faults(queries: readonly PlacedQuery[]): Promise<string[]> {
  const found: string[] = []
  for (const query of queries) {
    const what = await fault(query)
    if (what !== undefined) found.push(`${query.place}: ${what}: ${query.expression}`)
  }
  return found
}

/** Waits until all have data; fails with those that have none. */
async function allShow(queries: readonly PlacedQuery[]): Promise<void> {
  assert.ok(queries.length > 0)
  let left: string[] = []
  const done = async () => {
    left = await faults(queries)
    return left.length === 0 || undefined
  }
  await eventually('all queries to show something', done, 60_000).catch((cause) => {
    throw new Error(`${(cause as Error).message}\n${left.join('\n')}`)
  })
}

test('every query of every panel shows something, with the labels of its legend', async () => {
  await allShow(panelQueries())
})

test('packets that do not arrive lead to who lost them, why and where', async () => {
  const [{ expression = '' } = {}] = panelQueries().filter(
    ({ place }) => place === 'fovea-drops: Pairs that lose packets',
  )
  const series = await ask(expression, VARIABLES)
  const lost = (reason: RegExp, to: string, location: RegExp) =>
    series.some(
      ({ metric, value }) =>
        reason.test(metric.reason ?? '') &&
        location.test(metric.location ?? '') &&
        `${metric.source_namespace}/${metric.source_workload}` === 'shop/report' &&
        `${metric.destination_namespace ?? ''}/${metric.destination_workload ?? metric.destination_reserved}` === to &&
        value > 0,
    )
  assert.ok(lost(/NETFILTER_DROP|IPTABLE_RULE_DROP/, 'store/cart', /nf/), 'by a rule')
  assert.ok(lost(/^NO_SOCKET$/, 'store/cart', /tcp/), 'because nobody listens')
  assert.ok(lost(/^SOCKET_RCVBUFF$/, 'store/cart', /udp/), 'because nobody reads')
  assert.ok(lost(/^IP_/, '/world', /ip/), 'because there is no route')
})

test('every variable has values', async () => {
  await allShow(variableQueries())
})

test('every rule has something to compare or to record', async () => {
  await allShow(ruleQueries())
})

test('queries of runbooks are right, and their metrics are there', async () => {
  const queries = runbookQueries()
  assert.ok(queries.length > 10)
  for (const query of queries) await prometheus.query(query)
  const known = new Set([...(await prometheus.labelValues()), ...Object.keys(ABSENT)])
  assert.equal(
    queries.flatMap((query) => query.match(METRIC) ?? []).filter((name) => !known.has(name)),
    [],
  )
})

test('every name of a metric is one that was scraped or recorded', async () => {
  const known = new Set(await prometheus.labelValues())
  const queries = [...panelQueries(), ...variableQueries(), ...ruleQueries()]
  const used = new Set(queries.flatMap(({ expression }) => expression.match(METRIC) ?? []))
  assert.ok(used.size > 50)
  assert.equal(
    [...used].filter((name) => !known.has(name)),
    [],
  )
})

test('metrics that come by OTLP have the same names and labels', async () => {
  const scraped = `instance="127.0.0.1:${tunnels[0]?.port}"`
  const series = await prometheus.query(`count by (__name__) ({${scraped}})`)
  const names = series.map(({ metric }) => metric.__name__ ?? '').filter((name) => name.match(METRIC))
  assert.ok(names.length > 30)
  // How scrapes go is told to scrapers alone.
  for (const name of names.filter((name) => !name.startsWith('hubble_metrics_http_handler_')))
    await eventually(`the labels of ${name} by OTLP`, async () => {
      const [sent, wanted] = [await labels(name, 'job="fovea",node=""'), await labels(name, scraped)]
      return sent.join() === wanted.join() || undefined
    })
})

/** Names of all labels of a metric but for those of the scrape. */
async function labels(name: string, matchers: string): Promise<string[]> {
  const series = await prometheus.query(`${name}{${matchers}}`)
  const found = new Set(series.flatMap(({ metric }) => Object.keys(metric)))
  return [...found].filter((label) => !['job', 'instance', 'cluster', 'node'].includes(label)).sort()
}

test.run()
