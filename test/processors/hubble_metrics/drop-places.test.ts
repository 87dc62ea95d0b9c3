import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DropPlaces } from '../../../src/processors/hubble_metrics/handlers/drop-places.ts'
import { flowBatch } from '../../support/flows.ts'
import { DROP } from '../../support/metric-rows.ts'

const test = suite('DropPlaces')

test('a place has one number in every batch, wherever its texts are in the strings', () => {
  const places = new DropPlaces()
  const first = flowBatch([DROP, { ...DROP, dropReasonName: 'NO_SOCKET', dropLocation: 'udp_queue_rcv_skb+0x1' }])
  const second = flowBatch([{ ...DROP, dropReasonName: 'NO_SOCKET', dropLocation: 'udp_queue_rcv_skb+0x2' }, DROP])
  places.begin(first)
  const numbers = [places.number(first, 0), places.number(first, 1)]
  places.begin(second)
  assert.equal([places.number(second, 1), places.number(second, 0)], numbers)
  assert.equal(
    numbers.map((number) => places.labels(number)),
    [
      ['NETFILTER_DROP', 'nf_hook_slow'],
      ['NO_SOCKET', 'udp_queue_rcv_skb'],
    ],
  )
})

test('more places than are remembered are forgotten between batches, and told by the generation', () => {
  const places = new DropPlaces()
  for (let batches = 0; batches < 4; batches++) {
    const rows = Array.from({ length: 8_000 }, (_, i) => ({ ...DROP, dropLocation: `f${batches}_${i}` }))
    const batch = flowBatch(rows)
    const before = places.generation
    places.begin(batch)
    for (let i = 0; i < rows.length; i += 999) assert.is(places.labels(places.number(batch, i))[1], `f${batches}_${i}`)
    for (let i = 0; i < rows.length; i++) places.number(batch, i)
    assert.is(places.generation - before, batches === 3 ? 1 : 0)
  }
})

test.run()
