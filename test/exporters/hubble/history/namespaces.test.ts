import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { endpoint } from '../../../../src/flow/endpoint.ts'
import { eventually } from '../../../support/eventually.ts'
import { flowBatch } from '../../../support/flows.ts'
import { type RunningHubble, startHubble } from '../../../support/hubble.ts'
import { HubbleClient } from '../../../support/hubble-client.ts'
import { TemporaryFolder } from '../../../support/temporary-folder.ts'

const test = suite('namespaces of stored flows')
const folder = new TemporaryFolder()

test.after(() => folder.remove())

const history = { directory: folder.at('history'), max_bytes: 64 * 1024 * 1024, max_age: 86_400_000 }

function consume({ exporter, endpoints }: RunningHubble, namespace: string, ageMs: number): void {
  const sourceEndpoint = endpoints.add(endpoint({ namespace, podName: 'a' }))
  exporter.consume(flowBatch([{ sourceEndpoint, timeMs: Date.now() - ageMs }]))
}

async function namespaces({ server }: RunningHubble): Promise<string[]> {
  const client = new HubbleClient(server)
  const { namespaces: found } = await client.call('observer.Observer', 'GetNamespaces')
  client.close()
  return (found as { namespace: string }[]).map(({ namespace }) => namespace)
}

test('after a restart they are those of the last hour by the times of the flows', async () => {
  const before = await startHubble({ history })
  consume(before, 'long-ago', 2 * 3_600_000)
  consume(before, 'shop', 60_000)
  consume(before, 'bank', 0)
  await before.stop()
  const after = await startHubble({ history })
  try {
    consume(after, 'new', 0)
    await eventually('stored flows to be looked at', async () => (await namespaces(after)).length >= 3 || undefined)
    assert.equal(await namespaces(after), ['bank', 'new', 'shop'])
  } finally {
    await after.stop()
  }
})

test.run()
