import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RequestSlots, requestSlots } from '../../../src/exporters/hubble/request-slots.ts'
import { LOCAL_CLIENT } from '../../../src/pipeline/settings/client-table.ts'

const test = suite('slots of requests')

/** Requests by client; each is told of by its name when it is admitted. */
function slots(most: number, mostPerClient: number) {
  const admitted: string[] = []
  const all = new RequestSlots({ most, mostPerClient })
  const enter = (client: string, name: string) => all.enter(client, () => admitted.push(name))
  return { all, admitted, enter }
}

test('what one client has too many waits for the others of it', () => {
  const { admitted, enter } = slots(8, 2)
  const [first, second] = ['a1', 'a2', 'a3', 'a4', 'b1'].map((name) => enter(name[0]!, name))
  assert.equal(admitted, ['a1', 'a2', 'b1'])
  second!()
  second!()
  assert.equal(admitted, ['a1', 'a2', 'b1', 'a3'])
  first!()
  assert.equal(admitted, ['a1', 'a2', 'b1', 'a3', 'a4'])
})

test('where all places are taken, others come before who had one', () => {
  const { admitted, enter } = slots(2, 2)
  const [first] = ['a1', 'a2', 'a3', 'b1'].map((name) => enter(name[0]!, name))
  first!()
  assert.equal(admitted, ['a1', 'a2', 'b1'])
})

test('who left while waiting is not admitted', () => {
  const { admitted, enter, all } = slots(1, 1)
  const [first, second] = ['a1', 'a2', 'a3'].map((name) => enter('a', name))
  second!()
  first!()
  assert.equal(admitted, ['a1', 'a3'])
  assert.is(all.reading, 1)
})

test('clients of a unix socket share all places', () => {
  const { admitted, enter } = slots(3, 1)
  for (const name of ['1', '2', '3', '4']) enter(LOCAL_CLIENT, name)
  assert.is(admitted.length, 3)
})

test('the largest request has a place', () => {
  const { once } = requestSlots(1_000)
  once.enter('a', () => {})
  assert.is(once.reading, 1)
})

test('whatever happens, limits hold, nobody waits for nothing, and all are admitted in the end', () => {
  const step = fc.record({ client: fc.constantFrom('a', 'b', 'c'), leave: fc.option(fc.nat(), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const all = new RequestSlots({ most: 3, mostPerClient: 2 })
      const open: { client: string; reading: boolean; leave(): void }[] = []
      const reading = (client?: string) =>
        open.filter((one) => one.reading && (client ?? one.client) === one.client).length
      const leaveOne = (index: number) => {
        const [one] = open.splice(index % open.length, 1)
        one!.leave()
      }
      for (const { client, leave } of steps) {
        if (leave !== undefined && open.length > 0) leaveOne(leave)
        const one = { client, reading: false, leave: () => {} }
        open.push(one)
        one.leave = all.enter(client, () => {
          one.reading = true
        })
        assert.is(all.reading, reading())
        assert.ok(reading() <= 3)
        for (const name of ['a', 'b', 'c']) {
          assert.ok(reading(name) <= 2)
          const waits = open.some((waiter) => waiter.client === name && !waiter.reading)
          assert.not(waits && reading(name) < 2 && reading() < 3)
        }
      }
      while (open.length > 0) leaveOne(open.findIndex((one) => one.reading))
      assert.is(all.reading, 0)
    }),
  )
})

test.run()
