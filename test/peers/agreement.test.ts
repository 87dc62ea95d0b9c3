import type { ChildProcess } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../support/eventually.ts'
import { ConfigFolder, FoveaProcess } from '../support/fovea-process.ts'
import { hubble } from '../support/hubble.ts'
import { NodeNetwork, type Pod } from '../support/node-network.ts'
import { Otelcol, plainAttributes } from '../support/otelcol.ts'
import { ECHO_PORT, ping, sendTcp, sendUdp, serve } from '../support/traffic.ts'

/** The whole agent on real traffic: what the Collector's file says, what `hubble observe` says, and what passed. */
const agreement = suite('agreement of Hubble and OTLP')
let network: NodeNetwork
let pods: [Pod, Pod]
let folder: ConfigFolder
let otelcol: Otelcol
let server: ChildProcess
let agent: FoveaProcess | undefined

agreement.before(async () => {
  network = new NodeNetwork('agree')
  pods = [network.addPod(), network.addPod()]
  folder = new ConfigFolder()
  otelcol = await Otelcol.prepare()
  await otelcol.start(network.node)
})
agreement.after(async () => {
  await agent?.kill()
  server?.kill('SIGKILL')
  await otelcol?.clear()
  network.remove()
  folder.remove()
})

/** Loopback is left out: the agent's own exports pass there. */
function pipeline(): string {
  const socket = `${folder.path}/hubble.sock`
  return folder.write(
    'agent.yaml',
    `
receivers:
  ebpf: {interfaces: {exclude: [lo]}, programs: {tcp: false, drops: false}, report_interval: 500ms}
processors: {dns: {}}
connectors: {hubble_metrics: {}}
exporters:
  hubble: {endpoint: "localhost:4245", unix_socket: {path: ${socket}}}
  otlp_grpc: {endpoint: "127.0.0.1:${otelcol.port}", tls: {insecure: true}, timeout: 1s, metrics: {interval: 1s}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    flows: {receivers: [ebpf], processors: [dns], exporters: [hubble, hubble_metrics, otlp_grpc]}
    metrics: {receivers: [hubble_metrics], exporters: [otlp_grpc]}
`,
  )
}

interface Told {
  time: string
  source: string
  destination: string
  interface: string
  summary: string
  verdict: string
  packets: number
  bytes: number
}

interface HubbleFlow {
  time: string
  verdict: string
  IP: { source: string; destination: string }
  interface: { name: string }
  Summary: string
  extensions: { value: { packets: number; bytes: number } }
}

async function toldByHubble(): Promise<Told[]> {
  const { lines, stderr } = await hubble(`unix://${folder.path}/hubble.sock`, ['observe', '--all', '-o', 'jsonpb'])
  assert.is(stderr, '')
  return lines.map((line) => {
    const { flow } = JSON.parse(line) as { flow: HubbleFlow }
    return {
      time: unixNanos(flow.time),
      source: flow.IP.source,
      destination: flow.IP.destination,
      interface: flow.interface.name,
      summary: flow.Summary,
      verdict: flow.verdict,
      ...flow.extensions.value,
    }
  })
}

function toldByOtlp(): Told[] {
  return otelcol.logRecords().map((record) => {
    const values = plainAttributes(record.attributes)
    return {
      time: record.timeUnixNano,
      source: String(values['source.address']),
      destination: String(values['destination.address']),
      interface: String(values['network.interface.name']),
      summary: String(values['hubble.summary']),
      verdict: String(values['hubble.verdict']),
      packets: Number(values['flow.packets']),
      bytes: Number(values['flow.bytes']),
    }
  })
}

function unixNanos(time: string): string {
  const [, whole = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(time) ?? []
  return `${Date.parse(`${whole}Z`) / 1000}${fraction.padEnd(9, '0')}`
}

/** What both say in the same words: the fields that Hubble's JSON and the attributes share, in order of time. */
function comparable(flows: readonly Told[]): string[] {
  return flows
    .map((f) => [f.time, f.source, f.destination, f.interface, f.summary, f.verdict, f.packets, f.bytes].join(' '))
    .sort()
}

function sum(flows: readonly Told[], pod: Pod) {
  const ofPod = flows.filter((flow) => flow.interface === pod.hostInterface)
  return {
    packets: ofPod.reduce((total, flow) => total + flow.packets, 0),
    bytes: ofPod.reduce((total, flow) => total + flow.bytes, 0),
  }
}

/** Value of `fovea_flow_packets_total` over all its series, as the Collector got it last. */
function packetsMetric(): number {
  const latest = otelcol.exports().at(-1) ?? []
  const points = latest.find(({ name }) => name === 'fovea_flow_packets_total')?.sum?.dataPoints ?? []
  return points.reduce((total, point) => total + (point.asDouble ?? 0), 0)
}

/** Waits until nothing passes any more (the last echoes may still be on their way). */
async function quiet(): Promise<void> {
  let before = ''
  let looks = 0
  await eventually('quiet interfaces', () => {
    const now = JSON.stringify(pods.map((pod) => network.counters(pod)))
    looks = now === before ? looks + 1 : 0
    before = now
    return looks < 8 ? undefined : true
  })
}

agreement('every flow of real traffic is told alike by both, and the sums are what passed', async () => {
  agent = new FoveaProcess(['run', '--config', pipeline()], {}, undefined, network.node)
  await agent.wrote(/observing 2 interfaces/)
  for (const pod of pods) {
    network.offloads(pod, 'off')
    network.up(pod)
  }
  server = await serve(pods[1].namespace)
  const [client, target] = pods
  for (const address of [target.address, target.address6]) {
    sendTcp(network, client, address, 20, 50_000)
    sendUdp(network, client, address, 20, 5)
    ping(network, client, address, 3)
  }
  await quiet()
  for (const pod of pods) network.down(pod)
  // Read now: who goes down may still say goodbye to multicast groups.
  const passed = pods.map((pod) => network.counters(pod))
  const told = await eventually('the sums of the flows', async () => {
    const flows = await toldByHubble()
    return pods.every((pod, i) => sum(flows, pod).packets >= passed[i]!.packets) ? flows : undefined
  })
  const overOtlp = await eventually('the log records', () => {
    const records = toldByOtlp()
    return records.length >= told.length ? records : undefined
  })
  assert.equal(
    pods.map((pod) => sum(told, pod)),
    passed,
  )
  assert.equal(comparable(overOtlp), comparable(told))
  const total = passed[0]!.packets + passed[1]!.packets
  await eventually('the metric', () => (packetsMetric() === total ? true : undefined))
  assert.ok(
    told.some((flow) => flow.summary === 'TCP Flags: SYN'),
    `port ${ECHO_PORT} was opened`,
  )
})

agreement.run()
