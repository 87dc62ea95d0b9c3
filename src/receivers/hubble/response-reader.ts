import { ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'
import type { Part } from './foreign-endpoints.ts'

/** What an answer carries: a member of `observer.GetFlowsResponse.response_types`, by field number. */
export const Answer = { NOTHING: 0, FLOW: 1, NODE_STATUS: 2, LOST_EVENTS: 3 } as const

const TIME = 1001
/** Fields of `flow.Flow`. */
const FLOW_TIME = 1
const FLOW_UUID = 34
const MOST_SECONDS = 0xffffffff
const MOST_NANOS = 999_999_999

/** Reads the outer fields of `observer.GetFlowsResponse`, without making objects. */
export class ResponseReader {
  /** `Answer` */
  answer = 0
  /** Where the member lies in the message. */
  at = 0
  end = 0
  /** The answer's time; of a flow without one, the flow's own; 0 = unknown. */
  seconds = 0
  nanos = 0
  /** Where the UUID of a flow lies; `at === end` without one. */
  readonly uuid: Part = { at: 0, end: 0 }
  readonly #reader = new ProtobufReader()

  /** @throws MalformedError */
  read(bytes: Uint8Array): void {
    const reader = this.#reader
    const { length } = bytes
    reader.begin(bytes)
    this.answer = Answer.NOTHING
    this.seconds = 0
    this.nanos = 0
    while (reader.next(length)) {
      const { field } = reader
      if (reader.wire !== Wire.LENGTH || (field > Answer.LOST_EVENTS && field !== TIME)) {
        reader.skip(length)
        continue
      }
      const stop = reader.length(length)
      if (field === TIME) this.#time(stop)
      else {
        this.answer = field
        this.at = reader.at
        this.end = stop
      }
      reader.at = stop
    }
    if (this.answer === Answer.FLOW) this.#flow(this.seconds === 0)
  }

  /** `flow.Flow`: UUID and, where the answer has none, the time. */
  #flow(wantTime: boolean): void {
    const reader = this.#reader
    const { uuid, end } = this
    uuid.at = 0
    uuid.end = 0
    reader.at = this.at
    while (reader.next(end)) {
      if (reader.wire !== Wire.LENGTH || (reader.field !== FLOW_UUID && reader.field !== FLOW_TIME)) {
        reader.skip(end)
        continue
      }
      const stop = reader.length(end)
      if (reader.field === FLOW_UUID) {
        uuid.at = reader.at
        uuid.end = stop
      } else if (wantTime) this.#time(stop)
      reader.at = stop
    }
  }

  #time(end: number): void {
    const reader = this.#reader
    this.seconds = 0
    this.nanos = 0
    while (reader.next(end)) {
      if (reader.wire !== Wire.VARINT) reader.skip(end)
      else if (reader.field === 1) this.seconds = within(reader.varint(), MOST_SECONDS)
      else if (reader.field === 2) this.nanos = within(reader.varint(), MOST_NANOS)
      else reader.varint()
    }
  }
}

/** What a column cannot hold is not known: before 1970, after 2106. */
function within(value: number, most: number): number {
  return value <= most ? value : 0
}
