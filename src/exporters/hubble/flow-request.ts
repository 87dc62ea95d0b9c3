import protobuf from 'protobufjs/minimal.js'
import { messageType } from '../../hubble/definition.ts'
import { type GetFlowsRequest, InvalidRequestError } from './flow-query.ts'

/** Most filters, values of filters and paths of the field mask together: each is compared with every flow looked at. */
const MOST_PARTS = 4_096

/** `observer.GetFlowsRequest`: the fields that repeat. */
const BLACKLIST = 5
const WHITELIST = 6
const FIELD_MASK = 10

/** Of `flow.FlowFilter`: lists of numbers, which may be packed into one field, and the message that holds a list. */
const NUMBERS: ReadonlySet<number> = new Set([5, 15, 19, 20, 25, 30, 33, 39, 40])
const IP_TRACE_ID = 39
const EXPERIMENTAL = 999

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
    if (parts <= MOST_PARTS) return decoded(bytes)
  } catch (cause) {
    throw new InvalidRequestError(`malformed request: ${(cause as Error).message}`, { cause })
  }
  throw new InvalidRequestError(`too large a request: ${parts} filters and values, at most ${MOST_PARTS} are taken`)
}

function decoded(bytes: Uint8Array): GetFlowsRequest {
  const request: GetFlowsRequest = messageType('observer.GetFlowsRequest').deserialize(Buffer.from(bytes))
  const filters = { [WHITELIST]: [...(request.whitelist ?? [])], [BLACKLIST]: [...(request.blacklist ?? [])] }
  eachField(protobuf.Reader.create(bytes), (field, content) => {
    if ((field !== WHITELIST && field !== BLACKLIST) || content === undefined) return
    const filter = filters[field].shift()
    if (filter?.ip_trace_id?.length) filter.ip_trace_id = ipTraceIds(content)
  })
  return request
}

/** Numbers of 64 bits, which the decoder rounds, read again. @param filter encoded */
function ipTraceIds(filter: Uint8Array): bigint[] {
  const reader = protobuf.Reader.create(filter)
  const found: bigint[] = []
  const value = () => found.push(BigInt.asUintN(64, BigInt(String(reader.uint64()))))
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag >>> 3 !== IP_TRACE_ID) reader.skipType(tag & 7)
    else if ((tag & 7) !== LENGTH_DELIMITED) value()
    else for (const end = reader.uint32() + reader.pos; reader.pos < end; ) value()
  }
  return found
}

function countParts(bytes: Uint8Array): number {
  let parts = 0
  eachField(protobuf.Reader.create(bytes), (field, content) => {
    if (field !== BLACKLIST && field !== WHITELIST && field !== FIELD_MASK) return
    parts++
    if (content === undefined) return
    eachField(protobuf.Reader.create(content), (inner, values) => {
      parts++
      if (field !== FIELD_MASK && values !== undefined) parts += countValues(inner, values)
    })
  })
  return parts
}

/** Values that one field of a filter holds besides itself. */
function countValues(field: number, content: Uint8Array): number {
  let values = 0
  if (NUMBERS.has(field)) for (const byte of content) if (byte < 0x80) values++
  if (field === EXPERIMENTAL) eachField(protobuf.Reader.create(content), () => void values++)
  return values
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
