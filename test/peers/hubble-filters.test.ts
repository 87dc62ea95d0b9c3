import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { messageType } from '../../src/hubble/definition.ts'
import { compileFilters } from '../../src/hubble/filters/compile.ts'
import { EXPRESSIONS, FIELD_ROWS, filterOf, WRONG_EXPRESSIONS } from '../support/filter-table.ts'
import { FLOWS } from '../support/filtered-flows.ts'
import { foreignBatch } from '../support/foreign-batch.ts'
import { HubbleClient } from '../support/hubble-client.ts'
import { startUpstreamObserver, type UpstreamObserver } from '../support/upstream-observer.ts'

/** The table by which fovea's filters are tested, against Hubble's own observer: it finds the same, and says the same. */
const test = suite('filter table against Hubble')

let upstream: UpstreamObserver
let client: HubbleClient

test.before(async () => {
  const { serialize } = messageType('observer.GetFlowsResponse')
  // Hubble does not give out the newest event.
  const flows = [...FLOWS, { time: { seconds: FLOWS.length + 1 } }]
  const events = flows.map((flow) => serialize({ flow, time: (flow as { time: object }).time }))
  upstream = await startUpstreamObserver(events, 'node-0')
  client = new HubbleClient(upstream.server)
})

test.after(async () => {
  client.close()
  await upstream.stop()
})

/** Rows that Hubble answers with, or what it says is wrong. */
async function ask(name: string, value: unknown): Promise<number[] | string> {
  const filter = filterOf(name, typeof value === 'bigint' ? String(value) : value)
  try {
    const answers = await client.flows({ whitelist: [filter] })
    return answers.map(({ flow }) => Number(flow?.time?.seconds) - 1)
  } catch (error) {
    return (error as { details: string }).details
  }
}

const ends = new Ends(new EndpointTable())
const batch = foreignBatch(ends.table, FLOWS)

/** Rows that fovea finds. @throws FilterError */
function find(expression: string): number[] {
  const out = new Uint8Array(batch.length)
  compileFilters([filterOf('experimental', expression)], [], { ends, nodeName: '' })(batch, 0, batch.length, out)
  return [...out.keys()].filter((row) => out[row] === 1)
}

for (const [name, { match, none, bad = [], tooLarge = [] }] of Object.entries(FIELD_ROWS))
  test(`${name} finds and says the same`, async () => {
    for (const [value, rows] of match) assert.equal(await ask(name, value), rows, String(value))
    if (none !== undefined) assert.equal(await ask(name, none), [], String(none))
    for (const [value, message] of bad) {
      // Hubble goes on with the regular expression that a key of a label must match.
      const theirs = await ask(name, value)
      assert.ok(String(theirs).startsWith(message), `${theirs}\ninstead of\n${message}`)
    }
    for (const [value] of tooLarge) assert.instance(await ask(name, value), Array)
  })

for (const expression of EXPRESSIONS)
  test(`CEL ${expression}`, async () => assert.equal(find(expression), await ask('experimental', expression)))

for (const expression of WRONG_EXPRESSIONS)
  test(`CEL ${expression} is refused by both`, async () => {
    assert.throws(() => find(expression), /^error compiling CEL expression: /)
    assert.match(String(await ask('experimental', expression)), /^error compiling CEL expression: /)
  })

test.run()
