import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PersistentQueueSettings } from '../../../src/extensions/file_storage/persistent-queue.ts'
import { eventually } from '../../support/eventually.ts'
import { drain, numberedItem, numberOf, openStoredQueue, type StoredQueue } from '../../support/stored-queue.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const test = suite('a queue on disk')
const folder = new TemporaryFolder()
const open: StoredQueue[] = []
let directories = 0

test.after.each(async () => {
  for (const { queue } of open.splice(0)) await queue.close()
})
test.after(() => folder.remove())

function newDirectory(): string {
  const directory = folder.at(`queue-${directories++}`)
  mkdirSync(directory)
  return directory
}

async function openAt(directory: string, settings: Partial<PersistentQueueSettings> = {}): Promise<StoredQueue> {
  const stored = await openStoredQueue(directory, settings)
  open.push(stored)
  return stored
}

/** The files as they are now: what a process leaves that is killed now. */
function copyOf(directory: string): string {
  const copy = folder.at(`queue-${directories++}`)
  cpSync(directory, copy, { recursive: true })
  return copy
}

const filesOf = (directory: string, end = '.queue') =>
  readdirSync(directory)
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => join(directory, name))

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** A directory with the items 0 to `count`, closed. */
async function filled(count: number, length = 100, settings: Partial<PersistentQueueSettings> = {}): Promise<string> {
  const directory = newDirectory()
  const { queue } = await openStoredQueue(directory, settings)
  for (let i = 0; i < count; i++) {
    while (!queue.offer(numberedItem(i, length, 10))) await queue.room()
  }
  assert.is(await queue.close(), 0)
  return directory
}

for (const fsync of [false, true])
  test(`what is not done with comes again in order after a kill, fsync ${fsync}`, async () => {
    const directory = newDirectory()
    const { queue, told } = await openAt(directory, { fsync })
    for (let i = 0; i < 10; i++) queue.offer(numberedItem(i, 100, 2))
    await queue.flush()
    assert.is(told.stored, 20)
    const taken = [await queue.take(), await queue.take(), await queue.take()]
    queue.done(taken[1]!)
    await queue.flush()
    const killed = await openAt(copyOf(directory))
    assert.is(killed.queue.size, 9)
    assert.equal(await drain(killed.queue), [0, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.equal([killed.told.lost, killed.told.corrupt], [0, 0])
  })

test('everything that waits is kept by close, and nothing of it is lost', async () => {
  const directory = await filled(50)
  const { queue } = await openAt(directory, { sizer: 'items' })
  assert.is(queue.size, 500)
  await queue.take()
  queue.stop()
  assert.is(await queue.take(), undefined)
  assert.is(await queue.close(), 0)
  assert.equal(await drain((await openAt(directory)).queue), range(0, 50))
})

test('what is written while a consumer looks through what is done with comes once', async () => {
  const directory = await filled(200)
  const before = await openStoredQueue(directory)
  // All but the first are done with: after it the file holds nothing for anybody.
  const items = []
  for (let i = 0; i < 200; i++) items.push(await before.queue.take())
  for (const item of items.slice(1)) before.queue.done(item!)
  await before.queue.close()
  for (let turns = 0; turns < 30; turns++) {
    const { queue } = await openStoredQueue(copyOf(directory))
    assert.is(numberOf((await queue.take())!), 0)
    const numbers: number[] = []
    const consume = async () => {
      for (let item = await queue.take(); item !== undefined; item = await queue.take()) {
        numbers.push(numberOf(item))
        queue.done(item)
        if (numbers.length === 3) queue.stop()
      }
    }
    const consumers = [consume(), consume()]
    for (const number of [500, 501, 502]) {
      for (let turn = 0; turn < turns; turn++) await (turn % 2 === 0 ? Promise.resolve() : new Promise(setImmediate))
      queue.offer(numberedItem(number))
    }
    await Promise.all(consumers)
    await queue.close()
    assert.equal(numbers, [500, 501, 502], `${turns} turns`)
  }
})

test('what is written while a consumer leaves a damaged file comes once, in order', async () => {
  const directory = await filled(2)
  const [file] = filesOf(directory)
  const bytes = readFileSync(file!)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(file!, bytes)
  // Leaving it takes a while: these go when it is set aside.
  for (const number of range(0, 300)) writeFileSync(join(directory, `${number}.corrupt`), '')
  const { queue, told } = await openAt(directory)
  queue.done((await queue.take())!)
  const waiting = queue.take()
  while (told.lost === 0) await new Promise(setImmediate)
  queue.offer(numberedItem(500))
  queue.offer(numberedItem(501))
  const first = (await waiting)!
  assert.is(numberOf(first), 500)
  queue.done(first)
  assert.equal(await drain(queue), [501])
  await queue.flush()
  queue.offer(numberedItem(502))
  assert.equal(await drain(queue), [502])
  assert.equal([queue.size, told.lost, filesOf(directory, '.corrupt').length], [0, 10, 4])
})

test('leaves no file behind when all is done', async () => {
  const directory = await filled(2_000, 1_000, { maxBytes: 16 * 1024 * 1024, capacity: 10_000 })
  assert.ok(filesOf(directory).length > 1)
  const { queue } = await openAt(directory)
  assert.equal(await drain(queue), range(0, 2_000))
  await queue.flush()
  assert.is(queue.diskBytes, 0)
  await queue.close()
  assert.equal(readdirSync(directory), [])
})

test('more than memory keeps is read from the disk, in order, while more comes', async () => {
  const { queue, told } = await openAt(newDirectory(), { capacity: 100_000, maxBytes: 256 * 1024 * 1024 })
  const got: number[] = []
  for (let i = 0; i < 1_500; i++) {
    while (!queue.offer(numberedItem(i, 40_000))) await queue.room()
    if (i % 3 === 0) got.push(...(await drain(queue, 1)))
  }
  assert.ok(queue.memoryBytes < 21 * 1024 * 1024, `${queue.memoryBytes}`)
  got.push(...(await drain(queue)))
  assert.equal(got, range(0, 1_500))
  assert.equal([queue.memoryBytes, told.lost, told.failed], [0, 0, []])
})

test('takes no more bytes of the disk than it may, and takes again what was sent', async () => {
  const directory = newDirectory()
  const maxBytes = 1024 * 1024
  const { queue } = await openAt(directory, { maxBytes, capacity: 10_000 })
  let accepted = 0
  while (queue.offer(numberedItem(accepted, 10_000))) {
    accepted++
    await queue.flush()
  }
  const bytes = () => filesOf(directory).reduce((sum, path) => sum + statSync(path).size, 0)
  assert.ok(accepted > 90 && bytes() <= maxBytes, `${accepted} requests, ${bytes()} bytes`)
  assert.is(queue.diskBytes, bytes())
  assert.equal(await drain(queue, 20), range(0, 20))
  await queue.flush()
  assert.ok(queue.offer(numberedItem(accepted, 10_000)))
  assert.not.ok(queue.offer(numberedItem(0, maxBytes)), 'never')
  assert.equal(await drain(queue), range(20, accepted + 1))
})

test('a byte wrong anywhere costs one request at most, and the file is set aside', async () => {
  const directory = await filled(5)
  const [path = ''] = filesOf(directory)
  const good = readFileSync(path)
  for (let at = 0; at < good.length; at++) {
    const bytes = Buffer.from(good)
    bytes[at]! ^= 0x10
    const damaged = copyOf(directory)
    writeFileSync(filesOf(damaged)[0]!, bytes)
    const { queue, told } = await openStoredQueue(damaged)
    const numbers = await drain(queue)
    await queue.close()
    const inStart = at < 32
    const inState = (at - 32) % 124 >= 20 && (at - 32) % 124 < 24
    const missing = inStart || inState ? -1 : Math.floor((at - 32) / 124)
    assert.equal(
      numbers,
      range(0, 5).filter((number) => number !== missing),
      `byte ${at}`,
    )
    assert.is(told.corrupt, 1, `byte ${at}`)
    assert.equal([filesOf(damaged), filesOf(damaged, '.corrupt').length], [[], 1], `byte ${at}`)
  }
})

test('requests that became unreadable are counted, and make room', async () => {
  const directory = await filled(5)
  const { queue, told } = await openAt(directory, { sizer: 'items', capacity: 50 })
  const [path = ''] = filesOf(directory)
  const bytes = readFileSync(path)
  bytes[32 + 124 + 60]! ^= 1
  writeFileSync(path, bytes)
  assert.is(queue.size, 50)
  assert.equal(await drain(queue), [0, 2, 3, 4])
  assert.equal([told.lost, told.corrupt, queue.size], [10, 1, 0])
  await queue.flush()
  assert.is(filesOf(directory, '.corrupt').length, 1)
})

test('a file that is cut off gives what is whole in it', async () => {
  const directory = await filled(5)
  for (const bytes of [0, 1, 31, 32, 33, 155, 156, 157, 32 + 5 * 124 - 1]) {
    const cut = copyOf(directory)
    const [path = ''] = filesOf(cut)
    writeFileSync(path, readFileSync(path).subarray(0, bytes))
    const { queue, told } = await openAt(cut)
    const whole = Math.max(0, Math.floor((bytes - 32) / 124))
    assert.equal(await drain(queue), range(0, whole), `${bytes} bytes`)
    assert.is(told.corrupt, bytes === 0 || bytes === 32 || bytes === 156 ? 0 : 1, `${bytes} bytes`)
    assert.ok(queue.offer(numberedItem(9)))
    assert.equal(await drain(queue), [9])
  }
})

test('a file that is gone costs what was in it, and no more', async () => {
  const directory = await filled(200, 1_000, { maxBytes: 1024 * 1024 })
  const { queue, told } = await openAt(directory, { sizer: 'items', capacity: 10_000 })
  rmSync(filesOf(directory)[0]!)
  const numbers = await drain(queue)
  assert.ok(numbers.length > 0 && numbers.length < 200)
  assert.equal(numbers, range(200 - numbers.length, 200))
  assert.equal([told.lost, queue.size], [(200 - numbers.length) * 10, 0])
})

test('something else in its folder does no harm', async () => {
  const directory = await filled(3)
  mkdirSync(join(directory, '000000000000-00000000.queue'))
  mkdirSync(join(directory, 'lost+found'))
  writeFileSync(join(directory, '000000000001-00000000.queue.corrupt'), 'old')
  writeFileSync(join(directory, 'notes.txt'), 'x')
  const { queue, told } = await openAt(directory)
  assert.equal(await drain(queue), [0, 1, 2])
  assert.is(told.corrupt, 1)
  assert.ok(existsSync(join(directory, '000000000000-00000000.queue.corrupt')))
})

test('a file that cannot be opened keeps the queue closed, and is named', async () => {
  const directory = await filled(3)
  const path = join(directory, '000000000009-00000000.queue')
  symlinkSync(path, path)
  const message = await openStoredQueue(directory).catch((error: Error) => error.message)
  assert.match(String(message), /000000000009-00000000\.queue: ELOOP/)
  rmSync(path)
  assert.equal(await drain((await openAt(directory)).queue), [0, 1, 2])
})

test('only the newest damaged files are kept', async () => {
  const directory = newDirectory()
  for (let i = 1; i <= 7; i++) writeFileSync(join(directory, `00000000000${i}-0000000${i}.queue`), 'x'.repeat(100))
  const { queue, told } = await openAt(directory)
  assert.equal([queue.size, told.corrupt], [0, 7])
  assert.equal(
    filesOf(directory, '.corrupt').map((path) => path.at(-'-00000001.queue.corrupt'.length - 1)),
    ['4', '5', '6', '7'],
  )
})

test('a file of another version is recognised and left as it is', async () => {
  const directory = await filled(3)
  const [path = ''] = filesOf(directory)
  const bytes = readFileSync(path)
  bytes.write(`fovea queue 27 ${crc32('fovea queue 27').toString(16).padStart(8, '0')}`, 'latin1')
  writeFileSync(path, bytes)
  const { queue, told } = await openAt(directory)
  assert.equal([queue.size, told.versions, told.corrupt], [0, [27], 0])
  queue.offer(numberedItem(7))
  assert.equal(await drain(queue), [7])
  await queue.close()
  assert.equal(readFileSync(path), bytes)
})

test('what a request says cannot pass for a record', async () => {
  const directory = await filled(2, 400)
  const [path = ''] = filesOf(directory)
  const record = readFileSync(path).subarray(32, 32 + 424)
  const trap = newDirectory()
  const first = await openStoredQueue(trap)
  // What somebody recorded elsewhere, inside of a request.
  first.queue.offer({ bytes: Buffer.concat([Buffer.alloc(50), record]), flows: 1 })
  await first.queue.close()
  const [trapped = ''] = filesOf(trap)
  const bytes = readFileSync(trapped)
  bytes[32]! ^= 1
  writeFileSync(trapped, bytes)
  const { queue } = await openAt(trap)
  assert.is(queue.size, 0)
})

test('a disk that refuses: one request waits, the rest is refused, a consumer gets it all the same', async () => {
  const directory = newDirectory()
  const { queue, told } = await openAt(directory)
  rmSync(directory, { recursive: true })
  assert.ok(queue.offer(numberedItem(0)))
  await queue.flush()
  assert.equal(told.writing, [false])
  assert.not.ok(queue.offer(numberedItem(1)))
  const item = await queue.take()
  assert.is(numberOf(item!), 0)
  assert.ok(queue.offer(numberedItem(2)), 'the next one to try with')
  mkdirSync(directory)
  await eventually('writing to work', () => told.writing.at(-1) || undefined)
  queue.done(item!)
  await queue.flush()
  assert.is(told.stored, 1)
  const killed = await openAt(copyOf(directory))
  assert.equal(await drain(killed.queue), [2])
})

test('what the disk refuses to the end is told as lost by close', async () => {
  const directory = newDirectory()
  const { queue } = await openStoredQueue(directory)
  rmSync(directory, { recursive: true })
  queue.offer(numberedItem(0, 100, 3))
  await queue.flush()
  await queue.take()
  queue.offer(numberedItem(0, 100, 4))
  assert.is(await queue.close(), 7)
})

test.run()
