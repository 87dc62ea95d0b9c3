import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { retryAfterMs, statusFailure } from '../../../src/exporters/otlp_http/failure.ts'
import { statusMessage } from '../../../src/exporters/otlp_http/status-message.ts'
import { otlpType } from '../../support/otlp-messages.ts'

const failures = suite('failed HTTP requests')

for (const [status, passing] of [
  [429, true],
  [502, true],
  [503, true],
  [504, true],
  [301, false],
  [400, false],
  [401, false],
  [404, false],
  [413, false],
  [500, false],
] as const)
  failures(`status ${status} ${passing ? 'passes' : 'stays'}`, () => {
    const answer = statusFailure(status, '3', 'why')
    assert.is(answer.outcome, 'failed')
    if (answer.outcome !== 'failed') return
    assert.equal([answer.passing, answer.waitMs], passing ? [true, 3_000] : [false, undefined])
    assert.is(answer.error.message, `the server answered ${status}: why`)
  })

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5)

for (const [header, want] of [
  ['0', 0],
  ['120', 120_000],
  [' 7 ', 7_000],
  ['Fri, 02 Jan 2026 03:04:35 GMT', 30_000],
  ['Friday, 02-Jan-26 03:04:35 GMT', 30_000],
  ['Fri Jan  2 03:04:35 2026 GMT', 30_000],
  ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
  [undefined, undefined],
  ['', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['2026-01-02', undefined],
] as const)
  failures(`Retry-After ${JSON.stringify(header)}`, () => assert.is(retryAfterMs(header, NOW_MS), want))

const status = otlpType('Status').encode({ code: 3, message: 'no such tenant' }).finish()

for (const [name, type, body, want] of [
  ['a Status in protobuf', 'application/x-protobuf', status, 'no such tenant'],
  ['a Status in JSON', 'application/json', Buffer.from('{"code":3,"message":"no such tenant"}'), 'no such tenant'],
  ['other JSON', 'application/json; charset=utf-8', Buffer.from('{"error":1}'), '{"error":1}'],
  ['text over lines', 'text/plain', Buffer.from('404 page\r\n\u001b[31mnot found\n'), '404 page [31mnot found'],
  ['no protobuf', 'application/x-protobuf', Buffer.from('<html>'), ''],
  ['much', 'text/html', Buffer.alloc(10_000, 'x'), 'x'.repeat(500)],
  ['nothing', '', Buffer.alloc(0), ''],
] as const)
  failures(`what is told of an answer: ${name}`, () => assert.is(statusMessage(type, body), want))

failures.run()
