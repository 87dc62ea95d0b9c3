import { ENDED, MALFORMED, NAME_TEXT_BYTES, NameReader } from './dns-name-reader.ts'
import { L7Type } from './enums.ts'
import { L7Protocol } from './l7.ts'
import type { L7Builder } from './l7-builder.ts'

/** Records whose data is read; every other type is listed by its number only. */
const A = 1
const CNAME = 5
const AAAA = 28
const OPT = 41

const CLASS_IN = 1
/** IN, CH, HS, NONE, ANY: all that is in use. Anything else is no DNS. */
const CLASSES = new Set([CLASS_IN, 3, 4, 254, 255])
/** DSO, the last opcode given out (RFC 8490). */
const LAST_OPCODE = 6

const HEADER = 12
/** Counts of an L7 row are 8 bits wide. */
const MOST = 255
const DONE = 0

/**
 * Parser of DNS messages (RFC 1035, EDNS: RFC 6891, multicast: RFC 6762) into L7 rows. Keeps scratch memory, so that a
 * message costs no object; not to be used by two callers at a time.
 */
export class DnsParser {
  readonly #names = new NameReader()
  readonly #types = new Uint8Array(2 * MOST)
  readonly #answerTypes = new Uint8Array(2 * MOST)
  readonly #addresses = new Uint8Array(16 * MOST)
  readonly #query = new Uint8Array(0xffff)
  readonly #targets = new Uint8Array(0xffff)
  #bytes: Uint8Array = new Uint8Array(0)
  #message = 0
  #end = 0
  #at = 0
  #queryBytes = 0
  #targetBytes = 0
  #typeCount = 0
  #answerTypeCount = 0
  #addressCount = 0
  #ttl = 0
  #rcode = 0
  #overflow = false

  /**
   * Appends the message in `bytes[start, end)` to `out`. Nothing is appended and false returned for what is no DNS
   * message; a message that was cut (`cut`, or its TC bit) needs only its first question whole.
   */
  parse(bytes: Uint8Array, start: number, end: number, cut: boolean, out: L7Builder): boolean {
    if (end - start < HEADER) return false
    this.#begin(bytes, start, end)
    const flags = this.#u16(start + 2)
    const questions = this.#u16(start + 4)
    const answers = this.#u16(start + 6)
    const response = flags >>> 15 === 1
    if (((flags >>> 11) & 15) > LAST_OPCODE || (questions === 0 && !response)) return false
    this.#rcode = flags & 15
    const state = this.#sections(questions, answers)
    const truncated = cut || (flags & 0x200) !== 0
    if (state === MALFORMED || (state === ENDED && !truncated)) return false
    if (questions > 0 && this.#typeCount === 0) return false
    return this.#store(out, response, truncated || this.#overflow)
  }

  /**
   * Appends every whole message of one TCP segment, which begins with a message's 2-byte length (RFC 1035 §4.2.2), and
   * the beginning of one that goes on in the next segment. A segment without that length counts when one message
   * fills it (some clients send the length apart). Later parts of a message cannot be told and give nothing.
   * @returns how many rows were appended
   */
  parseSegment(bytes: Uint8Array, start: number, end: number, out: L7Builder): number {
    let rows = 0
    let at = start
    while (end - at >= 2 + HEADER) {
      const next = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!)
      if (!this.parse(bytes, at + 2, Math.min(next, end), next > end, out)) break
      rows++
      at = next
    }
    if (rows > 0 || !this.parse(bytes, start, end, false, out)) return rows
    if (this.#at === end) return 1
    out.undo()
    return 0
  }

  #begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.#message = start
    this.#end = end
    this.#at = start + HEADER
    this.#queryBytes = 0
    this.#targetBytes = 0
    this.#typeCount = 0
    this.#answerTypeCount = 0
    this.#addressCount = 0
    this.#ttl = 0
    this.#overflow = false
  }

  #sections(questions: number, answers: number): number {
    for (let i = 0; i < questions; i++) {
      const state = this.#question()
      if (state !== DONE) return state
    }
    for (let i = 0; i < answers; i++) {
      const state = this.#answer(i === 0 && questions === 0)
      if (state !== DONE) return state
    }
    const others = this.#u16(this.#message + 8) + this.#u16(this.#message + 10)
    for (let i = 0; i < others; i++) {
      const state = this.#other()
      if (state !== DONE) return state
    }
    return DONE
  }

  #question(): number {
    if (this.#typeCount === MOST || this.#queryBytes + NAME_TEXT_BYTES > this.#query.length) {
      this.#overflow = true
      return this.#skip(4)
    }
    const textEnd = this.#readQuery()
    if (textEnd < 0) return textEnd
    if (this.#names.next + 4 > this.#end) return ENDED
    if (!CLASSES.has(this.#u16(this.#names.next + 2) & 0x7fff)) return MALFORMED
    this.#queryBytes = textEnd
    setU16(this.#types, 2 * this.#typeCount++, this.#u16(this.#names.next))
    this.#at = this.#names.next + 4
    return DONE
  }

  /** Writes the name at the read position behind the queries so far, after a comma where it is not the first. */
  #readQuery(): number {
    let at = this.#queryBytes
    if (at > 0) this.#query[at++] = 0x2c
    return this.#names.read(this.#bytes, this.#message, this.#end, this.#at, this.#query, at)
  }

  #answer(named: boolean): number {
    if (named) {
      // Multicast answers repeat no question: what they are about is the owner of their first record.
      const textEnd = this.#readQuery()
      if (textEnd < 0) return textEnd
      this.#queryBytes = textEnd
    }
    const state = this.#skip(10)
    if (state !== DONE) return state
    const head = this.#at - 10
    const dataEnd = this.#at + this.#u16(head + 8)
    if (dataEnd > this.#end) return ENDED
    if (this.#answerTypeCount === MOST) this.#overflow = true
    else setU16(this.#answerTypes, 2 * this.#answerTypeCount++, this.#u16(head))
    this.#lowerTtl(this.#u16(head + 4) * 0x10000 + this.#u16(head + 6))
    const data = this.#data(this.#u16(head), this.#u16(head + 2) & 0x7fff, dataEnd)
    this.#at = dataEnd
    return data
  }

  /** The lowest of the answers, as Hubble's. A TTL with its highest bit set counts as 0 (RFC 2181 §8). */
  #lowerTtl(seconds: number): void {
    const ttl = seconds > 0x7fffffff ? 0 : seconds
    this.#ttl = this.#answerTypeCount <= 1 ? ttl : Math.min(this.#ttl, ttl)
  }

  #data(type: number, recordClass: number, dataEnd: number): number {
    if (recordClass !== CLASS_IN) return DONE
    if (type === CNAME) return this.#target(dataEnd)
    if (type !== A && type !== AAAA) return DONE
    const size = type === A ? 4 : 16
    if (dataEnd - this.#at !== size) return MALFORMED
    if (this.#addressCount === MOST) {
      this.#overflow = true
      return DONE
    }
    const to = 16 * this.#addressCount++
    this.#addresses.fill(0, to, to + 10).fill(0xff, to + 10, to + 12)
    for (let i = 0; i < size; i++) this.#addresses[to + 16 - size + i] = this.#bytes[this.#at + i]!
    return DONE
  }

  #target(dataEnd: number): number {
    let at = this.#targetBytes
    if (at + 1 + NAME_TEXT_BYTES > this.#targets.length) {
      this.#overflow = true
      return DONE
    }
    if (at > 0) this.#targets[at++] = 0
    const textEnd = this.#names.read(this.#bytes, this.#message, dataEnd, this.#at, this.#targets, at)
    if (textEnd < 0) return MALFORMED
    this.#targetBytes = textEnd
    return DONE
  }

  /** A record of the authority or additional section; OPT holds the upper 8 bits of the rcode (RFC 6891 §6.1.3). */
  #other(): number {
    const state = this.#skip(10)
    if (state !== DONE) return state
    const head = this.#at - 10
    this.#at += this.#u16(head + 8)
    if (this.#at > this.#end) return ENDED
    if (this.#u16(head) === OPT) this.#rcode |= this.#bytes[head + 4]! << 4
    return DONE
  }

  /** Steps over a name and `more` bytes behind it. */
  #skip(more: number): number {
    const head = this.#names.skip(this.#bytes, this.#end, this.#at)
    if (head < 0) return head
    if (head + more > this.#end) return ENDED
    this.#at = head + more
    return DONE
  }

  #store(out: L7Builder, response: boolean, truncated: boolean): boolean {
    const lists = 2 * this.#typeCount + 2 * this.#answerTypeCount + 16 * this.#addressCount
    if (!out.reserve(this.#queryBytes + this.#targetBytes + lists)) return false
    const row = out.length
    const { columns } = out
    columns.protocol[row] = L7Protocol.DNS
    columns.type[row] = response ? L7Type.RESPONSE : L7Type.REQUEST
    columns.latencyNs[row] = 0
    columns.dnsId[row] = this.#u16(this.#message)
    columns.rcode[row] = this.#rcode
    columns.ttlSeconds[row] = this.#ttl
    columns.truncated[row] = truncated ? 1 : 0
    columns.queryBytes[row] = this.#queryBytes
    columns.namesBytes[row] = this.#targetBytes
    columns.typeCount[row] = this.#typeCount
    columns.answerTypeCount[row] = this.#answerTypeCount
    columns.addressCount[row] = this.#addressCount
    columns.queryAt[row] = out.append(this.#query, this.#queryBytes)
    columns.typesAt[row] = out.append(this.#types, 2 * this.#typeCount)
    columns.answerTypesAt[row] = out.append(this.#answerTypes, 2 * this.#answerTypeCount)
    columns.addressesAt[row] = out.append(this.#addresses, 16 * this.#addressCount)
    columns.namesAt[row] = out.append(this.#targets, this.#targetBytes)
    out.length++
    return true
  }

  #u16(at: number): number {
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!
  }
}

function setU16(list: Uint8Array, at: number, value: number): void {
  list[at] = value & 0xff
  list[at + 1] = value >>> 8
}
