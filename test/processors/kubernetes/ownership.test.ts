import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressWords } from '../../../src/flow/address-words.ts'
import { NOBODY, Ownership } from '../../../src/processors/kubernetes/ownership.ts'

const test = suite('Ownership')

const ADDRESS = addressWords('10.0.0.1')!
const LIMITS = { historyMs: 60_000, maxHistory: 100 }

/** Ownership with a clock to be set, and the owners it let go. */
function made(limits = LIMITS) {
  const state = { nowMs: 1e9, released: [] as number[] }
  const ownership = new Ownership(
    limits,
    (owner) => state.released.push(owner),
    () => state.nowMs,
  )
  const at = (timeMs: number) => {
    const number = ownership.addresses.find(ADDRESS, 0)
    return number === 0 ? NOBODY : ownership.at(number, Math.floor(timeMs / 1_000), (timeMs % 1_000) * 1e6)
  }
  return { state, ownership, at }
}

test('an address is its owner’s from the start on, and a little before: clocks differ', () => {
  const { ownership, at } = made()
  ownership.begin(ADDRESS, 1, 100_000)
  assert.equal([94_999, 95_000, 100_000, 1e12].map(at), [NOBODY, 1, 1, 1])
})

test('a reused address names each owner in its own time', () => {
  const { state, ownership, at } = made()
  ownership.begin(ADDRESS, 1, 100_000)
  state.nowMs = 205_000
  ownership.end(ADDRESS, 1, 200_000)
  ownership.begin(ADDRESS, 2, 203_000)
  assert.equal([150_000, 199_999, 200_000, 202_999, 203_000].map(at), [1, 1, NOBODY, NOBODY, 2])
})

test('a successor that is known to have begun before its predecessor ended counts from that end on', () => {
  const { ownership, at } = made()
  ownership.begin(ADDRESS, 1, 100_000)
  ownership.end(ADDRESS, 1, 200_000)
  ownership.begin(ADDRESS, 2, 190_000)
  assert.equal([195_000, 199_999, 200_000].map(at), [1, 1, 2])
})

test('where nobody says when the first one ended, the time in doubt is nobody’s', () => {
  const { state, ownership, at } = made()
  ownership.begin(ADDRESS, 1, 100_000)
  state.nowMs = 210_000
  ownership.begin(ADDRESS, 2, 205_000) // its pod is seen before the other one is deleted
  assert.equal([204_999, 205_000, 209_999, 210_000].map(at), [1, NOBODY, NOBODY, 2])
  state.nowMs = 211_000
  ownership.end(ADDRESS, 1) // no more news
  assert.equal([204_999, 205_000, 210_000].map(at), [1, NOBODY, 2])
})

test('the end of a past owner that is told late shortens its time', () => {
  const { state, ownership, at } = made()
  ownership.begin(ADDRESS, 1, 100_000)
  state.nowMs = 210_000
  ownership.begin(ADDRESS, 2, 205_000)
  ownership.end(ADDRESS, 1, 150_000)
  assert.equal([149_999, 150_000, 204_999].map(at), [1, NOBODY, NOBODY])
})

test('past owners are forgotten after their time, and the address with them', () => {
  const { state, ownership, at } = made()
  ownership.begin(ADDRESS, 1, 0)
  state.nowMs = 10_000
  ownership.end(ADDRESS, 1)
  state.nowMs = 70_000
  ownership.sweep()
  assert.is(at(5_000), 1)
  state.nowMs = 70_001
  ownership.sweep()
  assert.is(at(5_000), NOBODY)
  assert.is(ownership.addresses.size, 0)
  assert.equal(state.released, [1])
})

test('more past owners than there is room for push out the oldest, which is counted', () => {
  const { ownership, state } = made({ historyMs: 60_000, maxHistory: 2 })
  for (let owner = 1; owner <= 4; owner++) {
    ownership.begin(ADDRESS, owner, owner * 1_000)
    ownership.end(ADDRESS, owner, owner * 1_000 + 500)
  }
  assert.is(ownership.history, 2)
  assert.is(ownership.evicted, 2)
  assert.equal(state.released, [1, 2])
})

test('an address stays as long as a port of it is claimed', () => {
  const { ownership } = made()
  const number = ownership.claim(ADDRESS)
  ownership.claim(ADDRESS)
  assert.is(ownership.claims(number), 2)
  ownership.unclaim(number)
  assert.is(ownership.addresses.find(ADDRESS, 0), number)
  ownership.unclaim(number)
  assert.is(ownership.addresses.find(ADDRESS, 0), 0)
})

test('an owner that says twice that it begins begins once', () => {
  const { ownership } = made()
  assert.ok(ownership.begin(ADDRESS, 1, 0))
  assert.not(ownership.begin(ADDRESS, 1, 0))
})

/** One after the other, each with a start, a time before it that is told as its start, an end, and how late the agent hears of it. */
const lives = fc.array(
  fc.record({
    pauseMs: fc.nat(5_000),
    lifeMs: fc.integer({ min: 1_000, max: 50_000 }),
    waitedMs: fc.oneof(fc.constant(0), fc.nat(100_000)),
    lateMs: fc.nat(3_000),
    exact: fc.boolean(),
  }),
  { minLength: 1, maxLength: 20 },
)

test('no address ever names an owner outside its time, however late the news comes', () => {
  fc.assert(
    fc.property(lives, (list) => {
      const { state, ownership, at } = made({ historyMs: 1e9, maxHistory: 1_000 })
      let timeMs = 1e6
      const spans: [number, number][] = []
      const news: { atMs: number; tell(): void }[] = []
      list.forEach(({ pauseMs, lifeMs, waitedMs, lateMs, exact }, i) => {
        const [fromMs, untilMs] = [timeMs + pauseMs, timeMs + pauseMs + lifeMs]
        spans.push([fromMs, untilMs])
        // Of one that waited for the address it is told after the ends of all before: with two there, the younger one has it.
        const endedMs = waitedMs === 0 ? 0 : Math.max(0, ...news.map((one) => one.atMs))
        const atMs = Math.max(fromMs + lateMs, endedMs)
        news.push({
          atMs,
          // One that is over when it is first told of says when, or that it is over; that it waited nobody can tell then.
          tell: () => {
            if (state.nowMs < untilMs) ownership.begin(ADDRESS, i + 1, fromMs - waitedMs)
            else ownership.begin(ADDRESS, i + 1, fromMs, exact ? untilMs : Number.POSITIVE_INFINITY)
          },
        })
        news.push({
          atMs: Math.max(untilMs + lateMs, atMs),
          tell: () => ownership.end(ADDRESS, i + 1, exact ? untilMs : undefined),
        })
        timeMs = untilMs
      })
      for (const { atMs, tell } of news.sort((a, b) => a.atMs - b.atMs)) {
        state.nowMs = atMs
        tell()
      }
      // Every owner but the first (the slack) and an end that nobody told exactly and nobody followed.
      spans.forEach(([fromMs, untilMs], i) => {
        for (const probe of [fromMs, (fromMs + untilMs) / 2, untilMs - 1]) {
          const named = at(probe)
          assert.ok(named === NOBODY || named === i + 1, `${named} at ${probe} of ${JSON.stringify(spans)}`)
        }
      })
    }),
    { numRuns: 2_000 },
  )
})

test('who waited for an address has it once it is free, however late its predecessors’ ends are told', () => {
  fc.assert(
    fc.property(lives, fc.integer({ min: 1, max: 10 }), (list, maxHistory) => {
      const { state, ownership, at } = made({ historyMs: 20_000, maxHistory })
      state.nowMs = 1e6
      list.forEach(({ waitedMs }, i) => void ownership.begin(ADDRESS, i + 1, state.nowMs - waitedMs))
      list.forEach(({ lifeMs }, i) => {
        state.nowMs += lifeMs
        ownership.sweep()
        if (i + 1 < list.length) ownership.end(ADDRESS, i + 1)
      })
      assert.is(at(state.nowMs + 1_000), list.length)
      ownership.end(ADDRESS, list.length)
      state.nowMs += 20_001
      ownership.sweep()
      assert.equal([ownership.history, ownership.addresses.size], [0, 0])
      assert.equal(
        state.released.toSorted((a, b) => a - b),
        Array.from(list, (_, i) => i + 1),
      )
    }),
  )
})

test.run()
