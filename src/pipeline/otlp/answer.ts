import { ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'

/** What became of one attempt to send a request. */
export type Answer =
  | {
      outcome: 'taken'
      /** Items of the request that the backend did not keep (partial success). */
      rejected: number
      /** What it says about them, or a warning without any; `''` = nothing. */
      message: string
    }
  | {
      outcome: 'failed'
      error: Error
      /** Whether the same request may be taken later. */
      passing: boolean
      /** Milliseconds the backend asks to wait. */
      waitMs?: number | undefined
    }

/** Signals of OTLP that leave here. */
export type OtlpSignal = 'logs' | 'metrics'

/** A way to one backend. */
export interface OtlpLink {
  /** One attempt; never rejects. @param request encoded `Export…ServiceRequest` */
  send(signal: OtlpSignal, request: Uint8Array): Promise<Answer>
  /** Ends attempts that are under way. */
  close(): void
}

/** The request was taken as a whole. */
export const TAKEN: Answer = { outcome: 'taken', rejected: 0, message: '' }

/**
 * Reads `Export…ServiceResponse`: partial_success = 1 of rejected_… = 1 and error_message = 2, the same for all signals.
 * What cannot be read says nothing of the request, which was taken.
 */
export function readResponse(bytes: Uint8Array): Answer {
  const reader = new ProtobufReader()
  let answer = TAKEN
  try {
    reader.begin(bytes)
    while (reader.next(bytes.length)) {
      const isPartial = reader.field === 1 && reader.wire === Wire.LENGTH
      if (isPartial) answer = readPartial(reader, reader.length(bytes.length))
      else reader.skip(bytes.length)
    }
    return answer
  } catch {
    return TAKEN
  }
}

function readPartial(reader: ProtobufReader, end: number): Answer {
  let [rejected, message] = [0, '']
  while (reader.next(end)) {
    if (reader.field === 1 && reader.wire === Wire.VARINT) rejected = reader.varint()
    else if (reader.field === 2 && reader.wire === Wire.LENGTH) message = reader.text(end)
    else reader.skip(end)
  }
  return { outcome: 'taken', rejected, message }
}
