import type { FlowBatch, LostEvents } from '../../flow/batch.ts'
import { LostSource } from '../../flow/enums.ts'
import type { HubbleEncoder } from '../../flow/hubble-encode.ts'
import type { FlowMask } from '../../flow/hubble-mask.ts'
import { MalformedError } from '../../flow/protobuf-reader.ts'
import { jsonMessage } from '../../hubble/json/schema.ts'
import { JsonTranscoder } from '../../hubble/json/transcode.ts'
import { MAX_LINE_BYTES } from './line-end.ts'

const LINE_FEED = 0x0a

/** Why a row did not become a line. */
export type Refusal = 'malformed' | 'too_long'

/** Collects `observer.ExportEvent`s as lines of JSON, as `hubble observe --input-file` reads them. */
export class LineEncoder {
  readonly #encoder: HubbleEncoder
  readonly #mask: FlowMask | undefined
  readonly #event = jsonMessage('observer.ExportEvent')
  readonly #transcoder = new JsonTranscoder()

  /** @param mask what is wanted of flows; undefined = everything. Node and time of the event are always there */
  constructor(encoder: HubbleEncoder, mask: FlowMask | undefined) {
    this.#encoder = encoder
    this.#mask = mask
  }

  /** Bytes collected. */
  get size(): number {
    return this.#transcoder.out.used
  }

  /** The lines collected; valid until the next row is added. */
  take(): Uint8Array {
    const { out } = this.#transcoder
    const lines = out.bytes.subarray(0, out.used)
    out.used = 0
    return lines
  }

  /** Adds a row. @returns why not, undefined when it was added @param serial see {@link HubbleEncoder.response} */
  add(batch: FlowBatch, row: number, serial: number): Refusal | undefined {
    const { out } = this.#transcoder
    const start = out.used
    try {
      this.#transcoder.append(this.#event, this.#encoder.response(batch, row, serial, this.#mask))
    } catch (error) {
      if (error instanceof MalformedError) return 'malformed'
      throw error
    }
    out.byte(LINE_FEED)
    if (out.used - start < MAX_LINE_BYTES) return undefined
    out.used = start
    return 'too_long'
  }
}

/** By `LostSource`. */
const SOURCES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(LostSource).flatMap(([name, source]) => (source === LostSource.UNKNOWN ? [] : [[source, name]])),
)

/** A report of loss as a line. @param nodeName without cluster, as Hubble has it @param nowMs Unix milliseconds */
export function lostLine({ source, count, firstMs, lastMs }: LostEvents, nodeName: string, nowMs: number): string {
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())
  const lost_events = {
    source: SOURCES[source],
    num_events_lost: String(count),
    first: time(firstMs),
    last: time(lastMs),
  }
  return `${JSON.stringify({ lost_events, node_name: nodeName, time: time(nowMs) })}\n`
}
