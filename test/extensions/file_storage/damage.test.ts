import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  drain,
  filesOf,
  numberedItem,
  numberOf,
  openStoredQueue,
  range,
  StoredQueues,
} from '../../support/stored-queue.ts'

const test = suite('a queue on a damaged disk')
const queues = new StoredQueues()

test.after.each(() => queues.close())
test.after(() => queues.remove())

test('what is written while a consumer leaves a damaged file comes once, in order', async () => {
  const directory = await queues.filled(2)
  const [file] = filesOf(directory)
  const bytes = readFileSync(file!)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(file!, bytes)
  // Leaving it takes a while: these go when it is set aside.
  for (const number of range(0, 300)) writeFileSync(join(directory, `${number}.corrupt`), '')
  const { queue, told } = await queues.openAt(directory)
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

test('a byte wrong anywhere costs one request at most, and the file is set aside', async () => {
  const directory = await queues.filled(5)
  const [path = ''] = filesOf(directory)
  const good = readFileSync(path)
  for (let at = 0; at < good.length; at++) {
    const bytes = Buffer.from(good)
    bytes[at]! ^= 0x10
    const damaged = queues.copyOf(directory)
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
  const directory = await queues.filled(5)
  const { queue, told } = await queues.openAt(directory, { sizer: 'items', capacity: 50 })
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
  const directory = await queues.filled(5)
  for (const bytes of [0, 1, 31, 32, 33, 155, 156, 157, 32 + 5 * 124 - 1]) {
    const cut = queues.copyOf(directory)
    const [path = ''] = filesOf(cut)
    writeFileSync(path, readFileSync(path).subarray(0, bytes))
    const { queue, told } = await queues.openAt(cut)
    const whole = Math.max(0, Math.floor((bytes - 32) / 124))
    assert.equal(await drain(queue), range(0, whole), `${bytes} bytes`)
    assert.is(told.corrupt, bytes === 0 || bytes === 32 || bytes === 156 ? 0 : 1, `${bytes} bytes`)
    assert.ok(queue.offer(numberedItem(9)))
    assert.equal(await drain(queue), [9])
  }
})

test('a file that is gone costs what was in it, and no more', async () => {
  const directory = await queues.filled(200, 1_000, { maxBytes: 1024 * 1024 })
  const { queue, told } = await queues.openAt(directory, { sizer: 'items', capacity: 10_000 })
  rmSync(filesOf(directory)[0]!)
  const numbers = await drain(queue)
  assert.ok(numbers.length > 0 && numbers.length < 200)
  assert.equal(numbers, range(200 - numbers.length, 200))
  assert.equal([told.lost, queue.size], [(200 - numbers.length) * 10, 0])
})

test('something else in its folder does no harm', async () => {
  const directory = await queues.filled(3)
  mkdirSync(join(directory, '000000000000-00000000.queue'))
  mkdirSync(join(directory, 'lost+found'))
  writeFileSync(join(directory, '000000000001-00000000.queue.corrupt'), 'old')
  writeFileSync(join(directory, 'notes.txt'), 'x')
  const { queue, told } = await queues.openAt(directory)
  assert.equal(await drain(queue), [0, 1, 2])
  assert.is(told.corrupt, 1)
  assert.ok(existsSync(join(directory, '000000000000-00000000.queue.corrupt')))
})

test('a file that cannot be opened keeps the queue closed, and is named', async () => {
  const directory = await queues.filled(3)
  const path = join(directory, '000000000009-00000000.queue')
  symlinkSync(path, path)
  const message = await openStoredQueue(directory).catch((error: Error) => error.message)
  assert.match(String(message), /000000000009-00000000\.queue: ELOOP/)
  rmSync(path)
  assert.equal(await drain((await queues.openAt(directory)).queue), [0, 1, 2])
})

test('only the newest damaged files are kept', async () => {
  const directory = queues.newDirectory()
  for (let i = 1; i <= 7; i++) writeFileSync(join(directory, `00000000000${i}-0000000${i}.queue`), 'x'.repeat(100))
  const { queue, told } = await queues.openAt(directory)
  assert.equal([queue.size, told.corrupt], [0, 7])
  assert.equal(
    filesOf(directory, '.corrupt').map((path) => path.at(-'-00000001.queue.corrupt'.length - 1)),
    ['4', '5', '6', '7'],
  )
})

test('a file of another version is recognised and left as it is', async () => {
  const directory = await queues.filled(3)
  const [path = ''] = filesOf(directory)
  const bytes = readFileSync(path)
  bytes.write(`fovea queue 27 ${crc32('fovea queue 27').toString(16).padStart(8, '0')}`, 'latin1')
  writeFileSync(path, bytes)
  const { queue, told } = await queues.openAt(directory)
  assert.equal([queue.size, told.versions, told.corrupt], [0, [27], 0])
  queue.offer(numberedItem(7))
  assert.equal(await drain(queue), [7])
  await queue.close()
  assert.equal(readFileSync(path), bytes)
})

test('what a request says cannot pass for a record', async () => {
  const directory = await queues.filled(2, 400)
  const [path = ''] = filesOf(directory)
  const record = readFileSync(path).subarray(32, 32 + 424)
  const trap = queues.newDirectory()
  const first = await openStoredQueue(trap)
  // What somebody recorded elsewhere, inside of a request.
  first.queue.offer({ bytes: Buffer.concat([Buffer.alloc(50), record]), flows: 1 })
  await first.queue.close()
  const [trapped = ''] = filesOf(trap)
  const bytes = readFileSync(trapped)
  bytes[32]! ^= 1
  writeFileSync(trapped, bytes)
  const { queue } = await queues.openAt(trap)
  assert.is(queue.size, 0)
})

test('what was found before the disk fails at a start is lost, and counted', async () => {
  const directory = await queues.filled(500, 1_000)
  const { open: openFile } = fsPromises
  fsPromises.open = async (...how) => {
    const handle = await openFile(...how)
    const read = handle.read as (into: Uint8Array, from: number, length: number, at: number) => Promise<object>
    const failing: typeof read = (into, from, length, at) =>
      at < 100_000
        ? read.call(handle, into, from, length, at)
        : Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    return Object.assign(handle, { read: failing })
  }
  syncBuiltinESMExports()
  try {
    const { queue, told } = await queues.openAt(directory)
    assert.ok(told.lost > 0 && told.lost % 10 === 0, String(told.lost))
    assert.equal([queue.size, told.corrupt, filesOf(directory, '.corrupt').length], [0, 1, 1])
  } finally {
    fsPromises.open = openFile
    syncBuiltinESMExports()
  }
})

test.run()
