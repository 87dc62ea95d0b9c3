import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventually } from '../../../support/eventually.ts'
import { flowBatch, TCP_SYN } from '../../../support/flows.ts'
import { openStored, segmentsOf } from '../../../support/stored-flows.ts'
import { TemporaryFolder } from '../../../support/temporary-folder.ts'

/** Files that are not as they were written: what can be read still is, the rest is counted, nothing ends in an exception. */
const test = suite('damaged history')
const folder = new TemporaryFolder()
const BLOCKS = 3
let segment = ''
let directories = 0

/** A segment of three blocks with the flows 1 to 3, each written by an agent of its own. */
test.before(async () => {
  const directory = folder.at('written')
  for (let port = 1; port <= BLOCKS; port++) {
    const { history, ring } = await openStored({ directory })
    ring.push(flowBatch([{ ...TCP_SYN, sourcePort: port, timeMs: port * 1_000 }]))
    await history.close()
  }
  segment = segmentsOf(directory)[0]!
})
test.after(() => folder.remove())

/** A directory with that segment alone, its bytes changed. */
function directoryOf(change: (bytes: Buffer) => Buffer): string {
  const directory = folder.at(`damaged-${directories++}`)
  mkdirSync(directory)
  writeFileSync(join(directory, basename(segment)), change(readFileSync(segment)))
  return directory
}

/** What is read of it, and how much is said to be damaged. */
async function readAll(directory: string): Promise<{ flows: number[]; damaged: number }> {
  const { history, ask, counts, ring } = await openStored({ directory })
  const forward = await ask()
  const backward = await ask({ number: 100 })
  const ports = (said: (number | string)[]) => said.filter((part) => typeof part === 'number')
  assert.equal(ports(backward), ports(forward))
  // It goes on all the same.
  ring.push(flowBatch([{ ...TCP_SYN, sourcePort: 99 }]))
  assert.is((await ask({ number: 1 }))[0], 99)
  await history.close()
  assert.is(counts.write_failed + counts.failures, 0)
  return { flows: ports(forward) as number[], damaged: counts.damaged }
}

const ALL = [1, 2, 3]

test('every byte of a segment may be wrong: at most its block is lost, and that is counted', async () => {
  const size = statSync(segment).size
  for (let at = 0; at < size; at++) {
    const directory = directoryOf((bytes) => {
      bytes[at]! ^= 1 << (at % 8)
      return bytes
    })
    const { flows, damaged } = await readAll(directory)
    const inHead = at < 32
    assert.ok(inHead ? flows.length === 0 : flows.length >= BLOCKS - 1, `byte ${at}: ${flows}`)
    // Zeros at the end of a header belong to its checksum, too: no bit is without meaning.
    assert.ok(damaged >= 1, `byte ${at}: ${damaged} counted`)
  }
})

test('a segment may end anywhere: whole blocks are read', async () => {
  const size = statSync(segment).size
  for (let end = 0; end < size; end += 7) {
    const { flows } = await readAll(directoryOf((bytes) => bytes.subarray(0, end)))
    assert.equal(flows, ALL.slice(0, flows.length))
    assert.ok(flows.length < BLOCKS)
  }
})

test('what lies between blocks is passed over', async () => {
  const garbage = Buffer.alloc(300_000, 'FVB1')
  const { flows, damaged } = await readAll(
    directoryOf((bytes) => Buffer.concat([bytes.subarray(0, 32), garbage, bytes.subarray(32)])),
  )
  assert.equal([flows, damaged], [ALL, 1])
})

test('a segment of other columns, and a file that is none, are left alone and counted', async () => {
  const directory = directoryOf((bytes) => {
    bytes.write('fovea history 9', 0)
    return bytes
  })
  writeFileSync(join(directory, '0000000000000001.flows'), '')
  const before = readFileSync(join(directory, basename(segment)))
  const { flows, damaged } = await readAll(directory)
  assert.equal([flows, damaged], [[], 2])
  assert.equal(readFileSync(join(directory, basename(segment))), before)
})

test('blocks that are there twice are read once', async () => {
  const { flows, damaged } = await readAll(directoryOf((bytes) => Buffer.concat([bytes, bytes.subarray(32)])))
  assert.equal([flows, damaged], [ALL, BLOCKS])
})

test('a damaged journal costs what is in it alone', async () => {
  const directory = folder.at('journal')
  const first = await openStored({ directory })
  first.ring.push(flowBatch([{ ...TCP_SYN, sourcePort: 1 }]))
  const journal = join(directory, 'journal')
  const size = await eventually('the journal', () => (statSync(journal).size > 32 ? statSync(journal).size : undefined))
  for (let at = 0; at < size; at += 5) {
    const killed = folder.at(`killed-${at}`)
    cpSync(directory, killed, { recursive: true, filter: (path) => !path.endsWith('lock') })
    const bytes = readFileSync(journal)
    bytes[at]! ^= 0x10
    writeFileSync(join(killed, 'journal'), bytes)
    const { flows, damaged } = await readAll(killed)
    assert.ok(flows.length === 0 && damaged === 1, `byte ${at}: ${flows}, ${damaged}`)
  }
  await first.history.close()
})

test('a segment that somebody takes away while it is read is reported as lost', async () => {
  const directory = directoryOf((bytes) => bytes)
  const { history, ask, ring, counts } = await openStored({ directory })
  const path = segmentsOf(directory)[0]!
  renameSync(path, `${path}.away`)
  ring.push(flowBatch([{ ...TCP_SYN, sourcePort: 4 }]))
  assert.equal(await ask(), ['overtaken 1', 'overtaken 1', 'overtaken 1', 4, 'end'])
  copyFileSync(`${path}.away`, path)
  assert.equal(await ask(), [...ALL, 4, 'end'])
  assert.is(counts.damaged, 0)
  await history.close()
})

test.run()
