import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Ends } from '../../../src/flow/ends.ts'
import { OtlpFlowEncoder } from '../../../src/flow/otlp-encode.ts'
import { OtlpRequestEncoder } from '../../../src/flow/otlp-request.ts'
import { type BatchConfig, FlowRequests, MOST_REQUEST_BYTES } from '../../../src/pipeline/otlp/flow-requests.ts'
import type { QueueItem } from '../../../src/pipeline/sending-queue/queue.ts'
import { eventually } from '../../support/eventually.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../../support/flows.ts'
import { readLogsRequest } from '../../support/otlp-messages.ts'

const LIMITS: BatchConfig = { flush_timeout: 60_000, min_size: 4, max_size: 5 }

/** Numbers (`flow.bytes`) of the flows of each request. */
const numbersOf = (items: readonly QueueItem[]) =>
  items.map(({ bytes }) => readLogsRequest(bytes).records.map(({ attributes }) => attributes['flow.bytes']))

function gathering(batch: BatchConfig = LIMITS): { requests: FlowRequests; items: QueueItem[] } {
  const items: QueueItem[] = []
  const requests = new FlowRequests({
    flows: new OtlpFlowEncoder(new Ends()),
    requests: new OtlpRequestEncoder({ 'service.name': 'x' }, { name: 'fovea', version: '' }),
    batch,
    emit: (item) => items.push(item),
  })
  return { requests, items }
}

const rows = (from: number, to: number, more: FlowRow = {}) =>
  flowBatch(Array.from({ length: to - from + 1 }, (_, i) => ({ ...TCP_SYN, ...more, bytes: from + i })))

const test = suite('requests of flows')

test('a batch is cut into requests; what is left waits for the next one', () => {
  const { requests, items } = gathering()
  requests.add(rows(1, 12), 0)
  assert.is(requests.waiting, 2)
  requests.add(rows(13, 13), 0)
  assert.is(requests.waiting, 3)
  requests.add(rows(14, 17), 0)
  requests.flush()
  assert.equal(numbersOf(items), [
    [1, 2, 3, 4, 5],
    [6, 7, 8, 9, 10],
    [11, 12, 13, 14, 15],
    [16, 17],
  ])
  assert.equal(
    items.map(({ flows }) => flows),
    [5, 5, 5, 2],
  )
})

test('what waits is complete after its time', async () => {
  const { requests, items } = gathering({ ...LIMITS, flush_timeout: 10 })
  requests.add(rows(1, 2), 0)
  await eventually('the request', () => items.length || undefined)
  assert.equal(numbersOf(items), [[1, 2]])
  assert.is(requests.waiting, 0)
})

test('no request is larger than servers take', () => {
  const { requests, items } = gathering({ ...LIMITS, min_size: 1_000, max_size: 1_000 })
  requests.add(rows(1, 3), 0)
  // As long as names can be: of a thousand of these the request would have 8 MB.
  requests.add(rows(4, 1_500, { sourceNames: 'n'.repeat(8_000) }), 0)
  requests.flush()
  assert.equal(
    numbersOf(items).flat(),
    Array.from({ length: 1_500 }, (_, i) => i + 1),
  )
  for (const { bytes } of items) assert.ok(bytes.length <= MOST_REQUEST_BYTES + 1_000)
  assert.ok(items.length > 4)
})

test.run()
