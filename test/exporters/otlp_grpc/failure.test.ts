import { Metadata } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { failureOf } from '../../../src/exporters/otlp_grpc/failure.ts'
import { retryStatus } from '../../support/otlp-server.ts'

function withDetails(code: number, details: Buffer): object {
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', details)
  return { code, metadata }
}

const failures = suite('failed gRPC calls')

const cases: { name: string; error: object; passing: boolean; waitMs?: number }[] = [
  ...[1, 4, 10, 11, 14, 15].map((code) => ({ name: `code ${code} passes`, error: { code }, passing: true })),
  ...[2, 3, 5, 6, 7, 9, 12, 13, 16].map((code) => ({ name: `code ${code} stays`, error: { code }, passing: false })),
  { name: 'what is no gRPC error stays', error: {}, passing: false },
  { name: 'exhausted: passes only when the server says when', error: { code: 8 }, passing: false },
  {
    name: 'exhausted with a time passes then',
    error: withDetails(8, retryStatus(8, 7_500)),
    passing: true,
    waitMs: 7_500,
  },
  {
    name: 'unavailable with a time passes then',
    error: withDetails(14, retryStatus(14, 3_000)),
    passing: true,
    waitMs: 3_000,
  },
  {
    name: 'unreadable details are no reason to wait or to fail',
    error: withDetails(8, Buffer.from([0x1a, 0xff, 0x01])),
    passing: false,
  },
]
for (const { name, error, passing, waitMs } of cases)
  failures(name, () => {
    const answer = failureOf(Object.assign(new Error('x'), error))
    assert.is(answer.outcome, 'failed')
    if (answer.outcome === 'failed') assert.equal([answer.passing, answer.waitMs], [passing, waitMs])
  })

failures('what the server says is told on one line of bounded length', () => {
  const answer = failureOf(
    Object.assign(new Error(`14 UNAVAILABLE: gone\u001b[31m\n${'x'.repeat(10_000)}`), { code: 14 }),
  )
  assert.is(answer.outcome, 'failed')
  if (answer.outcome !== 'failed') return
  assert.is(answer.error.message, `14 UNAVAILABLE: gone [31m ${'x'.repeat(474)}`)
})

failures.run()
