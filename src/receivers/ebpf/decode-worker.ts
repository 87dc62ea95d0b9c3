import { moved } from '../../pipeline/moved.ts'
import { type Decoded, RecordDecoder } from './decode.ts'

/** One slab of kernel records for a worker; `slab` is moved there and comes back with the answer. */
export interface DecodeTask {
  slab: ArrayBuffer
  /** Bytes of the slab in use. */
  bytes: number
  /** Records in them, at most `MAX_ROWS` (a slab of 1.5 MiB holds no more). */
  records: number
  /** CLOCK_REALTIME minus CLOCK_BOOTTIME: whole seconds, and nanoseconds from 0 to 999,999,999. */
  offsetSeconds: number
  offsetNanos: number
}

/** A batch's buffers or what went wrong; the slab returns in both cases. */
export type DecodeResult =
  | ({ ok: true; slab: ArrayBuffer } & Decoded)
  | { ok: false; kind: 'bad_task' | 'internal'; message: string; slab: ArrayBuffer }

let decoder: RecordDecoder | undefined

/** Worker task: turns kernel records into the buffers of a `FlowBatch`. Errors come back as data. */
export function decode(task: DecodeTask): DecodeResult {
  const result = attempt(task)
  const { slab } = result
  const transfer = result.ok ? [slab, result.parts.buffer, result.parts.l7.buffer, result.parts.l7.heap] : [slab]
  return moved(result, transfer)
}

function attempt(task: DecodeTask): DecodeResult {
  const { slab, bytes, records, offsetSeconds, offsetNanos } = task
  if (!(bytes >= 0 && bytes <= slab.byteLength && records >= 0)) {
    const message = `a slab of ${slab.byteLength} bytes cannot hold ${records} records in ${bytes} bytes`
    return { ok: false, kind: 'bad_task', message, slab }
  }
  try {
    decoder ??= new RecordDecoder()
    return { ok: true, slab, ...decoder.decode({ buffer: slab, bytes, records, offsetSeconds, offsetNanos }) }
  } catch (cause) {
    decoder = undefined // its scratch memory may be half written
    return { ok: false, kind: 'internal', message: String(cause), slab }
  }
}
