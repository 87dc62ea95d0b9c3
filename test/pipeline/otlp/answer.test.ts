import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readResponse } from '../../../src/pipeline/otlp/answer.ts'
import { otlpType } from '../../support/otlp-messages.ts'

const encode = (message: object) => otlpType('ExportServiceResponse').encode(message).finish()

const test = suite('answers of OTLP backends')

test('what was not kept, and why, is read as it was written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 }), fc.string({ unit: 'grapheme' }), (rejected, error_message) => {
      const answer = readResponse(encode({ partial_success: { rejected, error_message } }))
      assert.equal(answer, { outcome: 'taken', rejected, message: error_message })
    }),
  )
})

test('an empty answer, and an empty partial success, is a success', () => {
  const taken = { outcome: 'taken', rejected: 0, message: '' }
  assert.equal(readResponse(new Uint8Array()), taken)
  assert.equal(readResponse(encode({ partial_success: {} })), taken)
})

test('whatever a server answers is read without an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.is(readResponse(bytes).outcome, 'taken')
    }),
  )
})

test.run()
