import { readFileSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CILIUM_FLOWS, ciliumBatch, ciliumUuid } from '../support/cilium-flows.ts'
import { type CliResult, hubble, type RunningHubble, startHubble } from '../support/hubble.ts'
import { SAMPLE_MS } from '../support/hubble-flows.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** Flags of the real CLI that `hubble-cli.test.ts` does not give, over flows as Cilium makes them; together they are all flags. */
const test = suite('hubble CLI, flags')
const folder = new TemporaryFolder()
let running: RunningHubble

test.before(async () => {
  running = await startHubble()
  running.exporter.consume(ciliumBatch(running.endpoints))
})

test.after(async () => {
  await running.stop()
  folder.remove()
})

function observe(...args: string[]): Promise<CliResult> {
  return hubble(running.server, ['observe', ...args])
}

/** Numbers of the flows among the lines of JSON. */
function flowsIn({ lines, stderr }: CliResult): number[] {
  assert.is(stderr, '')
  const known = CILIUM_FLOWS.map((_, i) => ciliumUuid(i))
  return lines.map((line) => known.indexOf(JSON.parse(line).flow.uuid))
}

const since = (flow: number) => new Date(SAMPLE_MS + 1_000 * flow).toISOString()
const IP = [0, 1, 2, 3, 5]

const selections: { args: string[]; flows: number[] }[] = [
  { args: ['--last', '2'], flows: [4, 5] },
  { args: ['--first', '2'], flows: [0, 1] },
  { args: ['--since', since(4)], flows: [4, 5] },
  { args: ['--until', since(1)], flows: [0, 1] },
  { args: ['-A', '--pod', 'deathstar'], flows: IP },
  { args: ['--all-namespaces', '--workload', 'deathstar'], flows: IP },
  { args: ['--from-all-namespaces', '--from-pod', 'deathstar'], flows: [1] },
  { args: ['--to-all-namespaces', '--to-pod', 'deathstar'], flows: [0, 2, 3, 5] },
  { args: ['--to-pod', 'empire/deathstar'], flows: [0, 2, 3, 5] },
  { args: ['-n', 'empire'], flows: IP },
  { args: ['--from-namespace', 'empire'], flows: [1] },
  { args: ['--to-namespace', 'empire'], flows: [0, 2, 3, 5] },
  { args: ['--cluster', 'west'], flows: IP },
  { args: ['--from-cluster', 'west'], flows: [1] },
  { args: ['--to-cluster', 'east'], flows: [1] },
  { args: ['--from-ip', '10.1.0.2'], flows: [1] },
  { args: ['--to-ip', 'fd00::/8'], flows: [5] },
  { args: ['--snat-ip', '192.0.2.0/24'], flows: [2] },
  { args: ['--ipv6'], flows: [5] },
  { args: ['--ipv4'], flows: [0, 1, 2, 3] },
  { args: ['--ip-version', 'none'], flows: [4] },
  { args: ['--fqdn', 'xwing.*'], flows: [3] },
  { args: ['--from-fqdn', '*.svc'], flows: [3] },
  { args: ['--to-fqdn', '*.svc'], flows: [2] },
  { args: ['--service', 'empire/deathstar'], flows: [2] },
  { args: ['--from-service', 'default/xwing'], flows: [3] },
  { args: ['--to-service', 'empire/'], flows: [2] },
  { args: ['-l', 'app=deathstar,!x'], flows: IP },
  { args: ['--from-label', 'app=deathstar'], flows: [1] },
  { args: ['--to-label', 'app in (xwing)'], flows: [1] },
  { args: ['--from-port', '5353'], flows: [5] },
  { args: ['--to-port', '80'], flows: [0, 1, 2, 3] },
  { args: ['--from-workload', 'Deployment/deathstar'], flows: [1] },
  { args: ['--to-workload', 'StatefulSet/xwing'], flows: [1] },
  { args: ['--from-identity', '1002'], flows: [1] },
  { args: ['--to-identity', '1001'], flows: [1] },
  { args: ['--http-status', '40+'], flows: [1] },
  { args: ['--http-method', 'get'], flows: [0, 1] },
  { args: ['--http-path', '^/v1/exhaust-port$'], flows: [0, 1] },
  { args: ['--http-url', 'force=1'], flows: [0, 1] },
  { args: ['--http-header', 'X-Force:on'], flows: [0, 1] },
  { args: ['--protocol', 'http'], flows: [0, 1] },
  { args: ['--trace-id', '0af7651916cd43dd8448eb211c80319c'], flows: [0] },
  { args: ['--ip-trace-id', '77'], flows: [2] },
  { args: ['--node-label', 'zone=a'], flows: [0] },
  { args: ['--node-name', 'east/*'], flows: [5] },
  { args: ['--encrypted'], flows: [2] },
  { args: ['--unencrypted'], flows: [0, 1, 3, 4, 5] },
  { args: ['--uuid', ciliumUuid(3)], flows: [3] },
  { args: ['-t', 'policy-verdict'], flows: [3] },
  { args: ['--type', 'trace:to-overlay'], flows: [2] },
  { args: ['--interface', 'veth7'], flows: [5] },
  { args: ['--cel-expression', '_flow.l7.http.code == 404u'], flows: [1] },
  { args: ['--allowlist', '{"reply":[true]}', '--denylist', '{"protocol":["dns"]}'], flows: [1] },
  { args: ['--denylist', '{"source_pod":["default/"]}'], flows: [1, 4] },
]

for (const { args, flows } of selections) {
  test(`observe ${args.join(' ')}`, async () => {
    const bounded = args.some((arg) => ['--last', '--first', '--since', '--until'].includes(arg))
    assert.equal(flowsIn(await observe(...(bounded ? args : ['--all', ...args]), '-o', 'json')), flows)
  })
}

const WHOLE = ['--use-default-field-masks=false']
const lines: { args: string[]; flow: number; line: RegExp | string }[] = [
  {
    args: [],
    flow: 0,
    line: /\(ID:1001\) -> empire\/deathstar-abc:80 \(ID:1002\) http-request FORWARDED \(HTTP\/1\.1 GET /,
  },
  {
    args: [],
    flow: 1,
    line: /default\/xwing-0:\d+ \(ID:1001\) <- empire\/deathstar-abc:\d+ \(ID:1002\) http-response /,
  },
  { args: WHOLE, flow: 2, line: / to-overlay FORWARDED \(IP Trace ID: 77; TCP Flags: SYN; Auth: SPIRE\)$/ },
  { args: WHOLE, flow: 3, line: / policy-verdict:none INGRESS DENIED \(TCP Flags: SYN\)$/ },
  { args: [...WHOLE, '--print-policy-names'], flow: 3, line: / INGRESS DENIED BY deny-all \(CiliumNetworkPolicy\) / },
  {
    args: [],
    flow: 4,
    line: /: aa:bb:cc:dd:ee:01 \(unknown\) <> ff:ff:ff:ff:ff:ff \(unknown\) .* DROPPED \(Ethernet\)$/,
  },
  { args: ['--print-node-name'], flow: 5, line: /^Jan {2}2 03:04:05\.000 \[east\/node-2\]: default\/xwing-0:5353 / },
  { args: ['--numeric'], flow: 5, line: /: \[fd00::1\]:5353 .* \[fd00::2\]:53 / },
  { args: ['--ip-translation=false'], flow: 5, line: /: \[fd00::1\]:5353 / },
  { args: ['--time-format', 'RFC3339'], flow: 5, line: /^2026-01-02T03:04:05Z: / },
  { args: ['--color', 'always'], flow: 5, line: '\u001b[' },
  { args: ['--color', 'never', '--silent-errors'], flow: 5, line: /^Jan/ },
]

for (const { args, flow, line } of lines) {
  test(`flow ${flow} as a line with ${args.join(' ') || 'no flag'}`, async () => {
    const result = await observe('--all', ...args)
    assert.is(result.lines.length, CILIUM_FLOWS.length)
    assert.match(result.lines[flow]!, line)
  })
}

test('a field mask of the client leaves what it names', async () => {
  const result = await observe('--first', '1', '-o', 'json', '--field-mask', 'source.pod_name,l7.http.url,time')
  const { flow } = JSON.parse(result.stdout)
  assert.equal(Object.keys(flow).sort(), ['l7', 'source', 'time'])
  assert.equal(flow.source, { pod_name: 'xwing-0' })
})

test('every format shows every flow', async () => {
  for (const format of ['compact', 'json', 'jsonpb'])
    assert.is((await observe('--all', '--output', format)).lines.length, CILIUM_FLOWS.length, format)
  for (const format of ['table', 'tab'])
    assert.is((await observe('--all', '-o', format)).lines.length, 1 + CILIUM_FLOWS.length, format)
  assert.is((await observe('--all', '-o', 'dict')).stdout.split('------------').length, CILIUM_FLOWS.length)
})

test('what was written as JSON is read again, and the filters are applied to it', async () => {
  const file = folder.at('flows.json')
  writeFileSync(file, (await observe('--all', '-o', 'jsonpb')).stdout)
  assert.is(readFileSync(file, 'utf8').split('\n').length, CILIUM_FLOWS.length + 1)
  assert.equal(flowsIn(await observe('--input-file', file, '--pod', 'empire/deathstar', '-o', 'json')), IP)
})

test('raw filters are printed and nothing is asked', async () => {
  const { stdout } = await observe('--pod', 'empire/x', '--not', '--port', '80', '--print-raw-filters')
  assert.match(stdout, /allowlist:\n +- '\{"source_pod":\["empire\/x"\]\}'/)
  assert.is((await observe('--all', '--debug', '--timeout', '2s', '--request-timeout', '2s')).code, 0)
})

test('status in every format', async () => {
  for (const [format, pattern] of [
    ['compact', /Current\/Max Flows: 6\/65,535/],
    ['dict', /NUM FLOWS: 6\n +MAX FLOWS: 65,535\n +SEEN FLOWS: 6\n +FLOWS PER SECOND: [\d.]+\n/],
    ['json', /"num_flows": ?"6"/],
    ['table', /^6 +65,535 +6 +[\d.]+ .* fovea v/m],
  ] as const) {
    assert.match((await hubble(running.server, ['status', '-o', format])).stdout, pattern, format)
  }
})

test('nodes and namespaces in every format', async () => {
  for (const format of ['table', 'wide', 'json'])
    assert.match((await hubble(running.server, ['list', 'nodes', '-o', format])).stdout, /node-1/, format)
  for (const format of ['table', 'json'])
    assert.match((await hubble(running.server, ['list', 'namespaces', '-o', format])).stdout, /empire/, format)
})

/** Given in `hubble-tls.test.ts`, and such as name a Kubernetes cluster to reach hubble-relay through, or the CLI's own file. */
const ELSEWHERE = /^--(tls.*|basic-auth-.*|port-forward.*|kube.*|config|help|server)$/

test('no flag of the CLI is left out', async () => {
  const help = (await hubble(running.server, ['observe', '--help'])).stdout
  const flags = new Set([...help.matchAll(/^ +(?:-\w, )?(--[a-z0-9-]+)/gm)].map(([, flag]) => flag!))
  assert.ok(flags.size > 80)
  const texts = ['hubble-cli.test.ts', 'hubble-cli-flags.test.ts'].map((name) =>
    readFileSync(new URL(name, import.meta.url), 'utf8'),
  )
  const given = [...flags].filter((flag) => texts.some((text) => new RegExp(`'${flag}[='\`]`).test(text)))
  const missing = [...flags].filter((flag) => !given.includes(flag) && !ELSEWHERE.test(flag))
  assert.equal(missing, [])
})

test.run()
