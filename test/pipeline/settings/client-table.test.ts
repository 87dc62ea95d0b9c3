import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ClientLimits, ClientTable, clientOf, LOCAL_CLIENT } from '../../../src/pipeline/settings/client-table.ts'

const clients = suite('ClientTable')

const LIMITS: ClientLimits = { maxConnections: 4, maxConnectionsPerClient: 2, requestsPerSecond: 10, requestBurst: 3 }

function table(limits: Partial<ClientLimits> = {}): { table: ClientTable; pass(ms: number): void } {
  let nowMs = 0
  const made = new ClientTable({ ...LIMITS, ...limits }, () => nowMs)
  return {
    table: made,
    pass: (ms) => {
      nowMs += ms
    },
  }
}

clients('one client has its share of the connections, all together theirs', () => {
  const { table: made } = table()
  const refusals = ['a', 'a', 'a', 'b', 'b', 'c'].map((name) => made.connect(name))
  assert.equal(refusals, [undefined, undefined, 'client_limit', undefined, undefined, 'limit'])
  made.disconnect('a')
  assert.is(made.connect('c'), undefined)
  assert.is(made.connections, 4)
})

clients('clients of the unix socket cannot be told apart: no limit per client holds for them', () => {
  const { table: made } = table()
  const refusals = Array.from({ length: 5 }, () => made.connect(LOCAL_CLIENT))
  assert.equal(refusals, [undefined, undefined, undefined, undefined, 'limit'])
  assert.ok(Array.from({ length: 100 }, () => made.request(LOCAL_CLIENT)).every(Boolean))
})

clients('requests come in a burst, and then at the rate', () => {
  const { table: made, pass } = table()
  made.connect('a')
  const ask = (times: number) => Array.from({ length: times }, () => made.request('a')).filter(Boolean).length
  assert.is(ask(5), 2, 'the connection is one of three')
  pass(100)
  assert.is(ask(5), 1)
  pass(60_000)
  assert.is(ask(5), 3)
})

clients('coming back does not fill the bucket', () => {
  const { table: made } = table()
  made.connect('a')
  for (let i = 0; i < 2; i++) assert.ok(made.request('a'))
  made.disconnect('a')
  assert.is(made.connect('a'), 'rate')
})

clients('those that left are forgotten beyond 4,096, the oldest first', () => {
  const { table: made } = table()
  for (let i = 0; i < 4_097; i++) {
    made.connect(`client ${i}`)
    for (let times = 0; times < 2; times++) made.request(`client ${i}`)
    made.disconnect(`client ${i}`)
  }
  for (const [name, known] of [
    ['client 1', true],
    ['client 4096', true],
    ['client 0', false],
  ] as const) {
    assert.is(made.connect(name), known ? 'rate' : undefined, name)
    made.disconnect(name)
  }
})

clients('whatever comes and goes, connections are counted', () => {
  const step = fc.record({ name: fc.constantFrom('a', 'b', LOCAL_CLIENT), come: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { table: made } = table({ requestsPerSecond: 0 })
      const open: string[] = []
      for (const { name, come } of steps) {
        if (come && made.connect(name) === undefined) open.push(name)
        if (!come && open.includes(name)) {
          open.splice(open.indexOf(name), 1)
          made.disconnect(name)
        }
        assert.is(made.connections, open.length)
        assert.ok(open.length <= 4 && open.filter((one) => one === 'a').length <= 2)
      }
    }),
  )
})

const addresses: [address: string | undefined, client: string][] = [
  [undefined, LOCAL_CLIENT],
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::1', '::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['::2', '0:0:0:0::/64'],
]
for (const [address, client] of addresses)
  clients(`${address} is the client ${client}`, () => assert.is(clientOf(address), client))

clients.run()
