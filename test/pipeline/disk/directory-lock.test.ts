import { once } from 'node:events'
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryLock } from '../../../src/pipeline/disk/directory-lock.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const test = suite('the lock of a directory')
const folder = new TemporaryFolder()
test.after(() => folder.remove())

/** What a killed process leaves: a socket that nobody listens on. */
async function leaveSocket(directory: string): Promise<void> {
  const server = createServer().listen(`${directory}/before`)
  await once(server, 'listening')
  renameSync(`${directory}/before`, `${directory}/lock`)
  server.close()
  await once(server, 'close')
}

for (const stale of [false, true])
  test(`one of two that want it at once gets it, ${stale ? 'also after a kill' : 'in a new directory'}`, async () => {
    for (let round = 0; round < 50; round++) {
      const directory = folder.at(`${stale}-${round}`)
      mkdirSync(directory)
      if (stale) await leaveSocket(directory)
      const tries = await Promise.allSettled([1, 2].map(() => DirectoryLock.take(directory, 'somebody has it')))
      const locks = tries.filter((one) => one.status === 'fulfilled').map(({ value }) => value)
      assert.is(locks.length, 1, `round ${round}`)
      for (const one of tries) if (one.status === 'rejected') assert.is(one.reason.message, 'somebody has it')
      assert.equal(readdirSync(directory), ['lock'])
      await locks[0]!.release()
      await (await DirectoryLock.take(directory, 'somebody has it')).release()
      assert.equal(readdirSync(directory), [])
    }
  })

test.run()
