import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rarely } from '../../src/pipeline/rarely.ts'

const messages = suite('rarely')

messages('the first is told at once, those of the next ten seconds with the one after them', () => {
  let nowMs = 1_000
  const told: [number, string][] = []
  const tell = rarely<string>(
    (since, detail) => told.push([since, detail]),
    () => nowMs,
  )
  tell(1, 'a')
  tell(2, 'b')
  nowMs += 9_999
  tell(3, 'c')
  assert.equal(told, [[1, 'a']])
  nowMs += 1
  tell(4, 'd')
  assert.equal(told, [
    [1, 'a'],
    [9, 'd'],
  ])
})

messages.run()
