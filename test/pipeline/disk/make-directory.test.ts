import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeDirectory } from '../../../src/pipeline/disk/make-directory.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'

const directories = suite('makeDirectory')
const folder = new TemporaryFolder()
directories.after(() => folder.remove())

const failure = (path: string) => makeDirectory(path).then(() => '', String)

directories('makes what is missing, with its mode', async () => {
  await makeDirectory(folder.at('a/b/c'), 0o700)
  for (const path of ['a', 'a/b', 'a/b/c']) assert.is(statSync(folder.at(path)).mode & 0o777, 0o700)
})

directories('is content with what is there, also at once', async () => {
  mkdirSync(folder.at('there'))
  await makeDirectory(folder.at('there'))
  await Promise.all(Array.from({ length: 8 }, () => makeDirectory(folder.at('new/one'))))
  assert.ok(statSync(folder.at('new/one')).isDirectory())
})

directories('says what is in the way', async () => {
  writeFileSync(folder.at('file'), '')
  assert.match(await failure(folder.at('file')), 'EEXIST')
  assert.match(await failure(folder.at('file/below')), 'ENOTDIR')
})

directories('comes back where a file system has no room for directories', async () => {
  assert.match(await failure('/proc/no/such/folder'), 'ENOENT')
})

directories.run()
