import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseId } from '../../../src/pipeline/config/ids.ts'

const ids = suite('parseId')

const good: [text: string, id: string, type: string, name: string][] = [
  ['nop', 'nop', 'nop', ''],
  ['otlp/2', 'otlp/2', 'otlp', '2'],
  ['otlp/a/b', 'otlp/a/b', 'otlp', 'a/b'],
  ['otlp/a.b', 'otlp/a.b', 'otlp', 'a.b'],
  [' otlp / x ', 'otlp/x', 'otlp', 'x'],
  [`a${'b'.repeat(62)}`, `a${'b'.repeat(62)}`, `a${'b'.repeat(62)}`, ''],
  ['otlp/é', 'otlp/é', 'otlp', 'é'],
]
for (const [text, id, type, name] of good) {
  ids(`${JSON.stringify(text)} is an id`, () => assert.equal(parseId(text), { id, type, name }))
}

const bad: [text: string, message: string][] = [
  ['', 'in "" id: id must not be empty'],
  ['otlp/', 'in "otlp/" id: the part after / should not be empty'],
  ['/x', 'in "/x" id: the part before / should not be empty'],
  ['ot-lp', 'in "ot-lp" id: invalid character(s) in type "ot-lp"'],
  ['2otlp', 'in "2otlp" id: invalid character(s) in type "2otlp"'],
  [`a${'b'.repeat(63)}`, `in "a${'b'.repeat(63)}" id: invalid character(s) in type "a${'b'.repeat(63)}"`],
  ['a/b c', 'in "a/b c" id: invalid character(s) in name "b c"'],
  ['a/b+c', 'in "a/b+c" id: invalid character(s) in name "b+c"'],
  [`a/${'é'.repeat(513)}`, `in "a/${'é'.repeat(513)}" id: invalid character(s) in name "${'é'.repeat(513)}"`],
]
for (const [text, message] of bad) {
  ids(`${JSON.stringify(text.slice(0, 20))} is none`, () =>
    assert.throws(
      () => parseId(text),
      (error: Error) => error.message === message,
    ),
  )
}

ids.run()
