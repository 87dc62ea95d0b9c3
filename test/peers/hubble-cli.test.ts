import { execFile } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText } from '../../src/flow/address.ts'
import { LostSource } from '../../src/flow/enums.ts'
import { jsonMessage } from '../../src/hubble/json/schema.ts'
import { JsonTranscoder } from '../../src/hubble/json/transcode.ts'
import { makeCertificates, mutualTls } from '../support/certificates.ts'
import { type CliResult, hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { HubbleClient } from '../support/hubble-client.ts'
import { SAMPLE, SAMPLE_MS, sampleBatch } from '../support/hubble-flows.ts'
import { peer } from '../support/peers.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** The real Hubble CLI against the exporter: every flow of the sample, every selector, every flag of a filter. */
const test = suite('hubble CLI')
const folder = new TemporaryFolder()
let running: RunningHubble

test.before(async () => {
  running = await startHubble({ unix_socket: { path: folder.at('hubble.sock'), mode: 0o600, group: '' } })
  running.exporter.consume(sampleBatch(running.endpoints))
})

test.after(async () => {
  await running.stop()
  folder.remove()
})

const LINES = [
  'default/xwing-0:40000 (ID:1001) -> default/deathstar-abc:80 (ID:1002) to-endpoint FORWARDED (TCP Flags: SYN)',
  'default/xwing-0:40000 (ID:1001) <- default/deathstar-abc:80 (ID:1002) to-stack FORWARDED (TCP Flags: SYN, ACK)',
  'default/xwing-0:40000 (ID:1001) <> default/deathstar-abc:81 (ID:1002) Policy denied DROPPED (TCP Flags: SYN; Drop Reason: IPTABLE_RULE_DROP at nf_hook_slow+0x93)',
  'default/xwing-0:40000 (ID:1001) -> dns.google:443 (world) to-network FORWARDED (TCP Flags: SYN)',
  'default/xwing-0:5353 (ID:1001) -> kube-system/coredns-1:53 (ID:1003) dns-request packet FORWARDED (DNS Query www.google.com. A)',
  'default/xwing-0:5353 (ID:1001) <- kube-system/coredns-1:53 (ID:1003) dns-response packet FORWARDED (DNS Answer "1.2.3.4" TTL: 30 (Query www.google.com. A))',
  '[2001:db8::1]:6000 (world) -> [2001:db8::2]:6001 (world) to-stack FORWARDED (UDP)',
  '127.0.0.1 (host) -> 127.0.0.1 (host) to-stack FORWARDED (ICMPv4 EchoRequest)',
  '127.0.0.1:40000 (host) -> 192.0.2.7:9999 (world) to-stack FORWARDED (SCTP)',
  '192.0.2.7:7 (world) <> 127.0.0.1:22 (host) Socket lookup failed DROPPED (TCP Flags: SYN; Drop Reason: NO_SOCKET at tcp_v4_rcv+0x4e)',
  'default/xwing-0:40000 (ID:1001) -> default/deathstar-abc:80 (ID:1002) to-stack FORWARDED (TCP Connect 0.42ms)',
]

/** Numbers of the sample's flows among the lines of compact output. */
function flowsIn(result: CliResult): number[] {
  assert.is(result.stderr, '')
  return result.lines.map((line) => LINES.indexOf(line.replace(/^\w+ +\d+ [\d:.]+: /, '')))
}

function observe(...args: string[]): Promise<CliResult> {
  return hubble(running.server, ['observe', ...args])
}

const ALL = LINES.map((_, i) => i)

test('observe prints each flow as for Cilium, oldest first, with UTC times', async () => {
  const result = await observe('--all')
  assert.equal(flowsIn(result), ALL)
  assert.match(result.lines[2]!, /^Jan {2}2 03:04:02\.000: /)
})

const since = (flow: number) => new Date(SAMPLE_MS + 1_000 * flow).toISOString()
const selections: { args: string[]; flows: number[] }[] = [
  { args: ['--last', '3'], flows: [8, 9, 10] },
  { args: ['--last', '100'], flows: ALL },
  { args: ['--first', '2'], flows: [0, 1] },
  { args: ['--since', since(8)], flows: [8, 9, 10] },
  { args: ['--until', since(1)], flows: [0, 1] },
  { args: ['--since', since(2), '--until', since(4)], flows: [2, 3, 4] },
  { args: ['--since', since(2), '--last', '2'], flows: [2, 3] },
  { args: ['--until', since(4), '--last', '5'], flows: [] },
  { args: ['--pod', 'xwing'], flows: [0, 1, 2, 3, 4, 5, 10] },
  { args: ['--pod', 'kube-system/coredns'], flows: [4, 5] },
  { args: ['--from-pod', 'deathstar'], flows: [1] },
  { args: ['--namespace', 'kube-system'], flows: [4, 5] },
  { args: ['--to-namespace', 'kube-system'], flows: [4] },
  { args: ['--ip', '192.0.2.7'], flows: [8, 9] },
  { args: ['--to-ip', '8.8.0.0/16'], flows: [3] },
  { args: ['--ip', '2001:db8::/32'], flows: [6] },
  { args: ['--port', '443'], flows: [3] },
  { args: ['--port', '53', '--port', '22'], flows: [4, 5, 9] },
  { args: ['--protocol', 'udp'], flows: [4, 5, 6] },
  { args: ['--protocol', 'dns'], flows: [4, 5] },
  { args: ['--protocol', 'icmp', '--protocol', 'SCTP'], flows: [7, 8] },
  { args: ['--verdict', 'DROPPED'], flows: [2, 9] },
  { args: ['--type', 'drop'], flows: [2, 9] },
  { args: ['--type', 'l7'], flows: [4, 5] },
  { args: ['--type', 'trace:to-endpoint'], flows: [0] },
  { args: ['--type', 'trace:to-network', '--type', 'drop'], flows: [2, 3, 9] },
  { args: ['--tcp-flags', 'SYN,ACK'], flows: [1] },
  { args: ['--tcp-flags', 'SYN'], flows: [0, 1, 2, 3, 9] },
  { args: ['--traffic-direction', 'ingress'], flows: [0] },
  { args: ['--identity', '1003'], flows: [4, 5] },
  { args: ['--identity', 'host'], flows: [7, 8, 9] },
  { args: ['--to-identity', 'world'], flows: [3, 6, 8] },
  { args: ['--fqdn', '*.google'], flows: [3] },
  { args: ['--ip-version', 'v6'], flows: [6] },
  { args: ['-4'], flows: [0, 1, 2, 3, 4, 5, 7, 8, 9, 10] },
  { args: ['--drop-reason-desc', 'POLICY_DENIED'], flows: [2] },
  { args: ['--label', 'app=deathstar'], flows: [0, 1, 2, 10] },
  { args: ['--to-label', 'reserved:world'], flows: [3, 6, 8] },
  { args: ['--label', 'k8s:app in (xwing,tie),!missing'], flows: [0, 1, 2, 3, 4, 5, 10] },
  { args: ['--workload', 'Deployment/coredns'], flows: [4, 5] },
  { args: ['--interface', 'veth7'], flows: [0] },
  { args: ['--node-name', 'node-*'], flows: ALL },
  { args: ['--node-name', 'other'], flows: [] },
  { args: ['--allowlist', '{"dns_query":["^www\\\\..*com"]}'], flows: [4, 5] },
  { args: ['--allowlist', '{"reply":[true]}'], flows: [1, 5] },
  { args: ['--pod', 'xwing', '--not', '--port', '80'], flows: [2, 3, 4, 5] },
  { args: ['--unencrypted', '--port', '443'], flows: [3] },
  { args: ['--encrypted'], flows: [] },
  { args: ['--trace-id', '0af7651916cd43dd8448eb211c80319c'], flows: [] },
  { args: ['--ip-trace-id', '18446744073709551615'], flows: [] },
  { args: ['--snat-ip', '192.0.2.0/24'], flows: [] },
  { args: ['--http-status', '5+', '--http-method', 'GET', '--http-path', '^/', '--http-header', 'a:b'], flows: [] },
  { args: ['--from-label', 'k8s:app notin (xwing)', '--not', '--from-label', 'reserved:world'], flows: [1, 5, 7, 8] },
  { args: ['--cel-expression', '_flow.verdict == Verdict.DROPPED'], flows: [2, 9] },
  { args: ['--cel-expression', 'has(_flow.l7.dns) && _flow.l7.dns.query.matches("^www")'], flows: [4, 5] },
]

for (const { args, flows } of selections) {
  test(`observe ${args.join(' ')}`, async () => {
    const bounded = args.some((arg) => ['--last', '--first', '--since', '--until'].includes(arg))
    assert.equal(flowsIn(await observe(...(bounded ? args : ['--all', ...args]))), flows)
  })
}

const mistakes: { args: string[]; message: string }[] = [
  {
    args: ['--port', 'http'],
    message: 'invalid source port filter: invalid port "http": strconv.ParseUint: parsing "http": invalid syntax',
  },
  { args: ['--protocol', 'quic'], message: 'invalid protocol filter: unknown protocol: "quic"' },
  { args: ['--fqdn', 'a/b'], message: "'/': invalid rune in pattern" },
  {
    args: ['--allowlist', '{"dns_query":["("]}'],
    message: 'invalid DNS query filter: failed to compile regexp: error parsing regexp: missing closing ): `(`',
  },
  {
    args: ['--http-status', '404', '--type', 'trace'],
    message: "filtering by http status code requires the event type filter to only match 'l7' events",
  },
  { args: ['--http-url', '('], message: 'invalid http url filter: (: error parsing regexp: missing closing ): `(`' },
  {
    args: ['--label', 'app in xwing'],
    message: "invalid source label filter: unable to parse requirement: found 'xwing' expected: '('",
  },
  {
    args: ['--cel-expression', '_flow.verdict'],
    message: 'error compiling CEL expression: got "int", wanted "bool" result type',
  },
]

for (const { args, message } of mistakes) {
  test(`observe ${args.join(' ')} says what is wrong`, async () => {
    const result = await observe('--all', ...args)
    assert.is(result.code, 1)
    assert.match(result.stderr, message)
  })
}

test('output json of the CLI is what our own transcoder makes of the same answers, byte for byte', async () => {
  const client = new HubbleClient(running.server)
  const answers = await client.rawFlows({})
  client.close()
  const { lines } = await observe('--all', '-o', 'json')
  assert.is(lines.length, SAMPLE.length)
  lines.forEach((line, i) => {
    assert.is(line, jsonOf(answers[i]!))
    const { uuid, emitter } = JSON.parse(line).flow
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.is(emitter.name, 'Fovea')
  })
})

function jsonOf(answer: Uint8Array): string {
  const transcoder = new JsonTranscoder()
  transcoder.append(jsonMessage('observer.ExportEvent'), answer)
  return Buffer.from(transcoder.out.bytes.subarray(0, transcoder.out.used)).toString()
}

test('output dict, table and node names', async () => {
  const dict = await observe('--first', '1', '-o', 'dict')
  assert.match(dict.stdout, /DESTINATION: default\/deathstar-abc:80\n {7}TYPE: to-endpoint\n/)
  const table = await observe('--all', '-o', 'table', '--print-node-name')
  assert.is(table.lines.length, 1 + SAMPLE.length)
  assert.match(table.lines[0]!, /^TIMESTAMP +NODE +SOURCE +DESTINATION +TYPE +VERDICT +SUMMARY$/)
  assert.match(
    table.lines[4]!,
    / node-1 +default\/xwing-0:40000 +dns\.google:443 +to-network +FORWARDED +TCP Flags: SYN$/,
  )
})

test('--uuid finds the one flow that had it', async () => {
  const { flow } = JSON.parse((await observe('--first', '4', '-o', 'json')).lines[3]!)
  assert.equal(flowsIn(await observe('--all', '--uuid', flow.uuid)), [3])
})

test('status, nodes, namespaces, peers and reflection', async () => {
  const status = await hubble(running.server, ['status'])
  assert.match(
    status.stdout,
    /Healthcheck \(via 127\.0\.0\.1:\d+\): Ok\nCurrent\/Max Flows: 11\/65,535 \(0\.02%\)\nFlows\/s: /,
  )
  const nodes = JSON.parse((await hubble(running.server, ['list', 'nodes', '-o', 'json'])).stdout)
  assert.is(nodes[0].name, 'node-1')
  assert.is(nodes[0].address, running.server)
  assert.is(nodes[0].seen_flows, '11')
  const namespaces = await hubble(running.server, ['list', 'namespaces'])
  assert.equal(namespaces.lines, ['NAMESPACE', 'default', 'kube-system'])
  const peers = await hubble(running.server, ['watch', 'peers'], 1_000)
  assert.equal(peers.lines, [`PEER_ADDED   ${running.server} node-1`])
  const reflected = (await hubble(running.server, ['reflect'])).stdout
  for (const name of ['GetFlowsRequest', 'ChangeNotification', 'ServerStatusResponse']) assert.match(reflected, name)
})

test('the unix socket serves the same', async () => {
  const server = `unix://${running.config.unix_socket.path}`
  assert.match((await hubble(server, ['status'])).stdout, /: Ok\n/)
  assert.equal(flowsIn(await hubble(server, ['observe', '--last', '1'])), [10])
})

test('grpcurl reads the definitions through reflection', async () => {
  const described = await grpcurl(['describe', 'flow.FlowFilter'])
  assert.match(described, 'repeated .flow.TrafficDirection traffic_direction = 30;')
  const answer = JSON.parse(await grpcurl(['observer.Observer/GetFlows'], ['-d', '{"number":1}']))
  assert.is(answer.flow.extensions.value.connect_us, 420)
})

test('TLS with a client certificate, and none without', async () => {
  const certificates = makeCertificates(folder.path)
  const { ca, cert, key } = certificates
  const tls = mutualTls(certificates)
  const secure = await startHubble({ tls })
  const server = `tls://${secure.server}`
  const trust = ['--tls-ca-cert-files', ca, '--tls-server-name', 'localhost']
  const own = ['--tls-client-cert-file', cert, '--tls-client-key-file', key]
  const good = await hubble(server, ['status', ...trust, ...own])
  const bad = await hubble(server, ['status', ...trust])
  const [{ tls: told }] = JSON.parse((await hubble(server, ['list', 'nodes', '-o', 'json', ...trust, ...own])).stdout)
  await secure.stop()
  assert.match(good.stdout, /: Ok\n/)
  assert.is.not(bad.code, 0)
  assert.equal(told, { enabled: true, server_name: 'node-1.default.hubble-grpc.cilium.io' })
})

/** Output of grpcurl for `words` after the address. */
function grpcurl(words: readonly string[], options: readonly string[] = []): Promise<string> {
  const args = ['-plaintext', ...options, running.server, ...words]
  return new Promise((resolve, reject) => {
    execFile(peer('grpcurl'), args, (error, stdout) => (error === null ? resolve(stdout) : reject(error)))
  })
}

test('lost events are printed at their place', async () => {
  const other = await startHubble()
  other.exporter.consume(sampleBatch(other.endpoints))
  other.exporter.consume(sampleBatch(other.endpoints, [{ source: LostSource.PERF_EVENT_RING_BUFFER, count: 42 }]))
  const result = await hubble(other.server, ['observe', '--all'])
  await other.stop()
  assert.match(result.lines[SAMPLE.length]!, / EVENTS LOST: PERF_EVENT_RING_BUFFER CPU\(0\) 42$/)
  assert.is(result.lines.length, 2 * SAMPLE.length + 1)
})

test('--follow prints what was asked for, then what comes', async () => {
  const other = await startHubble()
  other.exporter.consume(sampleBatch(other.endpoints))
  const following = hubble(other.server, ['observe', '--follow', '--last', '1'], 3_000)
  const later = sampleBatch(other.endpoints)
  const timer = setInterval(() => other.exporter.consume(later), 1_000)
  const result = await following
  clearInterval(timer)
  await other.stop()
  const flows = flowsIn({ ...result, stderr: '' })
  assert.is(flows[0], 10)
  assert.equal(flows.slice(1, 1 + SAMPLE.length), ALL)
})

test('the sample is what the batch holds', () => {
  const batch = sampleBatch(running.endpoints)
  const sources = SAMPLE.map((_, i) => addressText(batch.columns.sourceAddress, i))
  assert.equal(
    sources,
    SAMPLE.map((row) => row.source),
  )
})

test.run()
