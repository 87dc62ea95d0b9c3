import protobuf from 'protobufjs/minimal.js'
import { messageType } from '../../hubble/definition.ts'
import { type GetFlowsRequest, InvalidRequestError } from './flow-query.ts'

/** Most filters, values of filters and paths of the field mask together: each is compared with every flow looked at. */
const MOST_PARTS = 4_096

/** `observer.GetFlowsRequest`: the fields that repeat. */
const BLACKLIST = 5
const WHITELIST = 6
const FIELD_MASK = 10

const LENGTH_DELIMITED = 2

/**
 * Decodes `observer.GetFlowsRequest`. Parts are counted before objects are made of them: an empty filter is two bytes of
 * the request and a kilobyte of lists, so that 4 MiB of them would take all memory.
 * @throws InvalidRequestError when it is malformed or has more than 4,096 parts
 */
export function decodeFlowsRequest(bytes: Uint8Array): GetFlowsRequest {
  let parts: number
  try {
    parts = countParts(bytes)
    if (parts <= MOST_PARTS) return messageType('observer.GetFlowsRequest').deserialize(Buffer.from(bytes))
  } catch (cause) {
    throw new InvalidRequestError(`malformed request: ${(cause as Error).message}`, { cause })
  }
  throw new InvalidRequestError(`too large a request: ${parts} filters and values, at most ${MOST_PARTS} are taken`)
}

function countParts(bytes: Uint8Array): number {
  let parts = 0
  eachField(protobuf.Reader.create(bytes), (field, content) => {
    if (field !== BLACKLIST && field !== WHITELIST && field !== FIELD_MASK) return
    parts++
    if (content !== undefined) eachField(protobuf.Reader.create(content), () => void parts++)
  })
  return parts
}

/** @param visit gets the content of length-delimited fields */
function eachField(reader: protobuf.Reader, visit: (field: number, content?: Uint8Array) => void): void {
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if ((tag & 7) === LENGTH_DELIMITED) visit(tag >>> 3, reader.bytes())
    else {
      visit(tag >>> 3)
      reader.skipType(tag & 7)
    }
  }
}
