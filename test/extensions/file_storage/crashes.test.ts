import { cpSync, mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { QueueItem } from '../../../src/pipeline/sending-queue/queue.ts'
import { drain, numberedItem, numberOf, openStoredQueue, type StoredQueue } from '../../support/stored-queue.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

/** Whatever happened before a crash, what was accepted and not done with comes back: all of it, in order, and nothing else. */

const test = suite('crashes of a queue on disk')
const folder = new TemporaryFolder()
test.after(() => folder.remove())
let directories = 0

/** Of many files, so that a crash falls into a new one, too. */
const SETTINGS = { maxBytes: 1024 * 1024, capacity: 100_000 }

type Step =
  | { do: 'offer'; lengths: number[] }
  | { do: 'take' }
  | { do: 'done'; pick: number }
  | { do: 'wait' }
  | { do: 'crash'; cut: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('offer' as const), lengths: lengths() }) },
  { weight: 4, arbitrary: fc.constant({ do: 'take' as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('done' as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'wait' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), cut: fc.nat(100_000) }) },
)

function lengths(): fc.Arbitrary<number[]> {
  const length = fc.oneof(fc.integer({ min: 4, max: 300 }), fc.integer({ min: 4, max: 30_000 }))
  return fc.array(length, { minLength: 1, maxLength: 6 })
}

/** A queue and what must be in it. */
class Modelled {
  #directory = newDirectory()
  #stored: StoredQueue | undefined
  /** Offered and not done with, in order. */
  #live: number[] = []
  #taken: QueueItem[] = []
  #next = 0

  async run(step: Step): Promise<void> {
    this.#stored ??= await openStoredQueue(this.#directory, SETTINGS)
    const { queue } = this.#stored
    if (step.do === 'offer') for (const length of step.lengths) this.#offer(length)
    else if (step.do === 'take' && queue.size > this.#taken.length) await this.#take()
    else if (step.do === 'done') this.#done(step.pick)
    else if (step.do === 'wait') await queue.flush()
    else if (step.do === 'crash') await this.#crash(step.cut)
  }

  async end(): Promise<void> {
    await this.#crash(0)
    const { queue, told } = await openStoredQueue(this.#directory, SETTINGS)
    assert.equal(await drain(queue), this.#live)
    await queue.close()
    assert.equal([told.lost, told.failed, queue.size], [0, [], 0])
    assert.equal(
      readdirSync(this.#directory).filter((name) => name.endsWith('.queue')),
      [],
    )
  }

  #offer(length: number): void {
    const item = numberedItem(this.#next, length)
    if (this.#stored!.queue.offer(item)) this.#live.push(this.#next++)
  }

  async #take(): Promise<void> {
    const item = await this.#stored!.queue.take()
    const expected = this.#live.find((number) => !this.#taken.some((one) => numberOf(one) === number))
    assert.is(numberOf(item!), expected)
    this.#taken.push(item!)
  }

  #done(pick: number): void {
    const [item] = this.#taken.splice(pick % Math.max(1, this.#taken.length), 1)
    if (item === undefined) return
    this.#stored!.queue.done(item)
    this.#live = this.#live.filter((number) => number !== numberOf(item))
  }

  /** Goes on with the files as they are, the last `cut` bytes of the newest one missing, as of a write that was under way. */
  async #crash(cut: number): Promise<void> {
    await this.#stored?.queue.flush()
    const copy = newDirectory()
    cpSync(this.#directory, copy, { recursive: true })
    await this.#stored?.queue.close()
    const newest = readdirSync(copy)
      .filter((name) => name.endsWith('.queue'))
      .sort()
      .at(-1)
    const gone = newest === undefined ? [] : cutOff(join(copy, newest), cut)
    this.#live = this.#live.filter((number) => !gone.includes(number))
    this.#taken = []
    this.#directory = copy
    this.#stored = undefined
  }
}

/** Cuts a file. Returns the numbers of the requests that are no longer whole: read here apart from the queue's own code. */
function cutOff(path: string, cut: number): number[] {
  const bytes = readFileSync(path)
  const left = bytes.length - (cut % (bytes.length + 1))
  truncateSync(path, left)
  const gone: number[] = []
  // A crash before may have left a part of one.
  for (let at = 32, end = 0; at + 28 <= bytes.length; at = end) {
    end = at + 24 + bytes.readUInt32LE(at + 8)
    if (end > left) gone.push(bytes.readUInt32LE(at + 24))
  }
  return gone
}

function newDirectory(): string {
  const directory = folder.at(`crashes-${directories++}`)
  mkdirSync(directory)
  return directory
}

test('any offers, takes and crashes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
      const modelled = new Modelled()
      for (const one of steps) await modelled.run(one)
      await modelled.end()
    }),
    { numRuns: Number(process.env.FOVEA_CRASH_RUNS ?? 150) },
  )
})

test.run()
