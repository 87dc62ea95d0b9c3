import { Metadata } from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nextAttemptMs, type RetryConfig } from '../../../src/exporters/otlp_grpc/retry.ts'

const CONFIG: RetryConfig = {
  enabled: true,
  initial_interval: 1_000,
  max_interval: 4_000,
  multiplier: 2,
  randomization_factor: 0.5,
  max_elapsed_time: 60_000,
}

/** No randomness: the middle of the range. */
const middle = () => 0.5

/** `google.rpc.Status` with a `RetryInfo`, as a server sends it. */
function withRetryInfo(code: number, seconds: number, nanos: number): unknown {
  const { root } = protobuf.parse(`syntax = "proto3";
    message Duration { int64 seconds = 1; int32 nanos = 2; }
    message RetryInfo { Duration retry_delay = 1; }
    message Any { string type_url = 1; bytes value = 2; }
    message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`)
  const encode = (type: string, value: object) => root.lookupType(type).encode(value).finish()
  const info = encode('RetryInfo', { retryDelay: { seconds, nanos } })
  const other = { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: new Uint8Array([1]) }
  const details = [other, { typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: info }]
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', Buffer.from(encode('Status', { code, message: 'busy', details })))
  return { code, metadata }
}

const retrying = suite('nextAttemptMs')

const cases: {
  name: string
  error: unknown
  attempt?: number
  elapsedMs?: number
  config?: Partial<RetryConfig>
  want: number | undefined
}[] = [
  { name: 'unavailable: after the initial interval', error: { code: 14 }, want: 1_000 },
  { name: 'each wait is a multiple of the one before', error: { code: 4 }, attempt: 2, want: 2_000 },
  { name: 'up to the longest wait', error: { code: 14 }, attempt: 9, want: 4_000 },
  { name: 'not for what another attempt cannot change', error: { code: 3 }, want: undefined },
  { name: 'not for what is no gRPC error', error: new Error('x'), want: undefined },
  { name: 'not when it is off', error: { code: 14 }, config: { enabled: false }, want: undefined },
  { name: 'not beyond the longest time', error: { code: 14 }, elapsedMs: 59_500, want: undefined },
  {
    name: 'for ever when there is none',
    error: { code: 14 },
    elapsedMs: 1e9,
    config: { max_elapsed_time: 0 },
    want: 1_000,
  },
  { name: 'exhausted: only when the server says when', error: { code: 8 }, want: undefined },
  { name: 'exhausted with a time: as asked', error: withRetryInfo(8, 7, 500_000_000), want: 7_500 },
  { name: 'never sooner than asked', error: withRetryInfo(14, 3, 0), want: 3_000 },
  { name: 'later than asked where the interval is longer', error: withRetryInfo(14, 0, 1), want: 1_000 },
]
for (const { name, error, attempt = 1, elapsedMs = 0, config, want } of cases)
  retrying(name, () => assert.is(nextAttemptMs({ ...CONFIG, ...config }, error, attempt, elapsedMs, middle), want))

retrying('the wait is random within its part', () => {
  assert.is(
    nextAttemptMs(CONFIG, { code: 14 }, 1, 0, () => 0),
    500,
  )
  assert.is(
    nextAttemptMs(CONFIG, { code: 14 }, 1, 0, () => 1),
    1_500,
  )
})

retrying('unreadable details are no reason to wait or to fail', () => {
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', Buffer.from([0x1a, 0xff, 0x01]))
  assert.is(nextAttemptMs(CONFIG, { code: 8, metadata }, 1, 0, middle), undefined)
})

retrying.run()
