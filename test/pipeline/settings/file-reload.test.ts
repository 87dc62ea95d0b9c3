import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FileReload, type Loaded } from '../../../src/pipeline/settings/file-reload.ts'

const reload = suite('FileReload')

/** What a disk holds at each look: a text, or an error. */
function looking(...disk: (string | Error)[]): { files: FileReload<string>; applied: string[]; told: string[] } {
  const [applied, told]: [string[], string[]] = [[], []]
  const load = async (): Promise<Loaded<string>> => {
    const content = disk.shift() ?? ''
    if (content instanceof Error) throw content
    return { content, fingerprint: content }
  }
  const events = {
    reloadFailed: (files: string, error: Error) => told.push(`${files}: ${error.message}`),
    reloaded: (files: string) => told.push(`${files} in force`),
  }
  const apply = (content: string) => applied.push(content)
  const files = new FileReload('tls', { content: 'a', fingerprint: 'a' }, { load, apply, events })
  return { files, applied, told }
}

const cases: { name: string; disk: (string | Error)[]; applied: string[]; told: string[] }[] = [
  { name: 'what has not changed is left alone', disk: ['a', 'a'], applied: [], told: [] },
  { name: 'what has changed is put in force once', disk: ['b', 'b'], applied: ['b'], told: ['tls in force'] },
  {
    name: 'a fault is told once, however long it lasts',
    disk: [new Error('x'), new Error('x'), new Error('y')],
    applied: [],
    told: ['tls: x', 'tls: y'],
  },
  {
    name: 'the old files again end a fault',
    disk: [new Error('x'), 'a'],
    applied: [],
    told: ['tls: x', 'tls in force'],
  },
  {
    name: 'new files end a fault, and a later fault is told again',
    disk: [new Error('x'), 'b', new Error('x')],
    applied: ['b'],
    told: ['tls: x', 'tls in force', 'tls: x'],
  },
]
for (const { name, disk, applied, told } of cases)
  reload(name, async () => {
    const looks = disk.length
    const seen = looking(...disk)
    for (let i = 0; i < looks; i++) await seen.files.look()
    assert.equal([seen.applied, seen.told], [applied, told])
  })

reload('content that cannot be put in force counts as a fault, and is tried again', async () => {
  const told: string[] = []
  let refusals = 1
  const files = new FileReload<string>(
    'auth',
    { content: 'a', fingerprint: 'a' },
    {
      load: async () => ({ content: 'b', fingerprint: 'b' }),
      apply: () => {
        if (refusals-- > 0) throw new Error('not now')
      },
      events: { reloadFailed: (_, error) => told.push(error.message), reloaded: (name) => told.push(name) },
    },
  )
  await files.look()
  await files.look()
  assert.equal(told, ['not now', 'auth'])
})

reload.run()
