import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { portKey } from '../../../src/processors/kubernetes/ports.ts'
import { TimedPorts } from '../../../src/processors/kubernetes/timed-ports.ts'

const ports = suite('ports as of a time')

const KEY = portKey(6, 80)

/** A table that counts how often each owner is kept, on a clock of its own. */
function timedPorts(maxHistory = 1_000) {
  const clock = { nowMs: 0 }
  const kept = new Map<number, number>()
  const count = (owner: number, change: number) => kept.set(owner, (kept.get(owner) ?? 0) + change)
  const table = new TimedPorts({
    limits: { historyMs: 60_000, maxHistory },
    keep: (_, owner) => void count(owner, 1),
    drop: (_, owner) => void count(owner, -1),
    clock: () => clock.nowMs,
  })
  return { clock, kept, table }
}

ports('who is the first one known has the port from always', () => {
  const { clock, table } = timedPorts()
  clock.nowMs = 10_000
  table.set(1, KEY, 7)
  assert.equal([table.at(1, KEY, 0, 0), table.at(2, KEY, 0, 0), table.at(1, portKey(17, 80), 0, 0)], [7, 0, 0])
})

ports('between the last news of one and the next whole second of another nobody has it', () => {
  const { clock, table } = timedPorts()
  table.set(1, KEY, 1)
  clock.nowMs = 10_300
  table.set(1, KEY, 2)
  const at = (ms: number) => table.at(1, KEY, Math.floor(ms / 1_000), (ms % 1_000) * 1e6)
  assert.equal([10_299, 10_300, 10_999, 11_000].map(at), [1, 0, 0, 2])
})

ports('beyond `maxHistory` the oldest are forgotten and counted', () => {
  const { clock, kept, table } = timedPorts(2)
  for (const owner of [1, 2, 3, 4]) {
    clock.nowMs += 10_000
    table.set(1, KEY, owner)
  }
  assert.equal([table.history, table.evicted], [2, 1])
  assert.equal(
    [15, 25, 35, 45].map((seconds) => table.at(1, KEY, seconds, 0)),
    [0, 2, 3, 4],
  )
  assert.equal(
    [...kept],
    [
      [1, 0],
      [2, 1],
      [3, 1],
    ],
  )
})

ports('what is over is forgotten after its time, and nothing stays kept', () => {
  const { clock, kept, table } = timedPorts()
  table.set(1, KEY, 1)
  clock.nowMs = 10_000
  table.set(1, KEY, 0)
  assert.equal([table.at(1, KEY, 9, 999e6), table.at(1, KEY, 10, 0), kept.get(1)], [1, 0, 1])
  clock.nowMs = 70_001
  table.sweep()
  assert.equal([table.at(1, KEY, 9, 0), table.history, kept.get(1)], [0, 0, 0])
})

/** Changes of four ports at whole seconds, each later than the last. */
const changes = fc.array(
  fc.record({
    address: fc.integer({ min: 0, max: 1 }),
    port: fc.integer({ min: 80, max: 81 }),
    owner: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 40 },
)

ports('never another owner than the one of that time; the one of that time unless it was away', () => {
  fc.assert(
    fc.property(changes, (list) => {
      const { clock, table } = timedPorts()
      const truth = new Map<string, number[]>()
      for (const [second, { address, port, owner }] of list.entries()) {
        clock.nowMs = second * 1_000
        table.set(address, portKey(6, port), owner)
        for (const a of [0, 1])
          for (const p of [80, 81]) {
            const known = truth.get(`${a}/${p}`) ?? []
            known[second] = a === address && p === port ? owner : (known[second - 1] ?? 0)
            truth.set(`${a}/${p}`, known)
          }
      }
      for (const [place, owners] of truth) {
        const [address = 0, port = 0] = place.split('/').map(Number)
        const first = owners.findIndex((owner) => owner !== 0)
        for (const [second, owner] of owners.entries()) {
          const found = table.at(address, portKey(6, port), second, 500e6)
          // Before the first one, and in gaps of one and the same owner, that one counts.
          const before = owners.slice(0, second).findLast((other) => other !== 0)
          const after = owners.slice(second).find((other) => other !== 0)
          const allowed = owner !== 0 ? [owner] : second < first ? [0, after] : before === after ? [0, before] : [0]
          assert.ok(allowed.includes(found), `${place} at ${second}: ${found}, not ${allowed} of ${owners}`)
        }
      }
    }),
  )
})

ports.run()
