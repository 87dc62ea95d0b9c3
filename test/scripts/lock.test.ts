import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withLock } from '../../scripts/lock.ts'

const lock = suite('withLock')
const folder = mkdtempSync(join(tmpdir(), 'fovea-lock-'))
const file = join(folder, '.lock')
lock.after(() => rmSync(folder, { recursive: true }))

lock('lets one in after the other', async () => {
  const order: string[] = []
  const enter = (name: string) =>
    withLock(file, async () => {
      order.push(`${name} in`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      order.push(`${name} out`)
    })
  await Promise.all([enter('a'), enter('b')])
  assert.equal(order, ['a in', 'a out', 'b in', 'b out'])
})

lock('is free again after work that failed', async () => {
  await withLock(file, async () => {
    throw new Error('broken')
  }).catch(() => {})
  assert.not.ok(existsSync(file))
})

lock('takes the lock of a process that was killed', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  writeFileSync(file, String(pid))
  assert.is(await withLock(file, async () => readFileSync(file, 'utf8')), String(process.pid))
})
lock.run()
