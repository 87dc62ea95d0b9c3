import { type Endpoint, type EndpointTable, endpoint, type ServiceName, UNKNOWN_ENDPOINT } from '../../flow/endpoint.ts'
import { ProtobufReader, Wire } from '../../flow/protobuf-reader.ts'
import { MessageCheck } from './message-check.ts'

/** A part of a message. */
export interface Part {
  at: number
  end: number
}

/** An endpoint that no flow named for this long goes; when there is no room for others, sooner. */
const IDLE_SECONDS = 600
const IDLE_SECONDS_WHEN_FULL = 30

/** What the encoded endpoints may take on average: labels of a pod take some hundred bytes. */
const AVERAGE_BYTES = 1_024
/** One that says more stays unknown. */
const MOST_BYTES = 8_192

/**
 * Endpoints by what flows say of them: the same bytes of `flow.Endpoint` and `flow.Service` are the same endpoint. They are
 * decoded when they are new; later ones are a look into a hash table.
 */
export class ForeignEndpoints {
  /** Ends that stay unknown because the table was full. */
  refused = 0
  readonly #table: EndpointTable
  readonly #limit: number
  /** Open addressing: entry + 1; 0 = free. */
  readonly #slots: Int32Array
  readonly #hashes: Uint32Array
  readonly #ids: Uint32Array
  /** Unix seconds at which a flow named it last. */
  readonly #used: Uint32Array
  /** What was encoded: the endpoint, then the service. */
  readonly #keys: Uint8Array[] = []
  #keyBytes = 0
  readonly #checkEnd = new MessageCheck('flow.Endpoint')
  readonly #checkService = new MessageCheck('flow.Service')
  readonly #clock: () => number
  #now: number
  #sweptWhenFull = 0

  /** @param limit most endpoints @param clock Unix milliseconds */
  constructor(table: EndpointTable, limit: number, clock: () => number = Date.now) {
    this.#table = table
    this.#limit = limit
    this.#clock = clock
    this.#now = Math.floor(clock() / 1000)
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * limit)))
    this.#hashes = new Uint32Array(limit)
    this.#ids = new Uint32Array(limit)
    this.#used = new Uint32Array(limit)
  }

  /** Endpoints known. */
  get size(): number {
    return this.#keys.length
  }

  /** Id in the table of an end: its `flow.Endpoint` and `flow.Service`, each empty where a flow has none. @throws MalformedError */
  id(bytes: Uint8Array, end: Part, service: Part): number {
    const hash = hashRange(hashRange(0, bytes, end), bytes, service)
    let slot = this.#firstSlot(hash)
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & (this.#slots.length - 1)) {
      const entry = this.#slots[slot]! - 1
      if (this.#hashes[entry] !== hash || !isKey(this.#keys[entry]!, bytes, end, service)) continue
      this.#used[entry] = this.#now
      return this.#ids[entry]!
    }
    return this.#add(hash, bytes, end, service)
  }

  /** To be called every few seconds: endpoints that no flow names any more go. */
  sweep(): void {
    this.#now = Math.floor(this.#clock() / 1000)
    this.#forget(IDLE_SECONDS)
    this.#table.reclaim()
  }

  /** All ids are retired: this user of the table ends. */
  close(): void {
    for (let entry = 0; entry < this.#keys.length; entry++) this.#table.retire(this.#ids[entry]!)
    this.#keys.length = 0
    this.#keyBytes = 0
    this.#slots.fill(0)
  }

  #add(hash: number, bytes: Uint8Array, end: Part, service: Part): number {
    this.#checkEnd.check(bytes, end.at, end.end)
    this.#checkService.check(bytes, service.at, service.end)
    const bytesOfKey = end.end - end.at + service.end - service.at
    const isTaken = bytesOfKey <= MOST_BYTES && (this.#hasRoom(bytesOfKey) || this.#makeRoom(bytesOfKey))
    if (!isTaken) {
      this.refused++
      return UNKNOWN_ENDPOINT
    }
    const id = this.#table.add(decodeEndpoint(bytes, end, service))
    if (id === UNKNOWN_ENDPOINT) {
      this.refused++
      return id
    }
    const entry = this.#keys.push(copyKey(bytes, end, service)) - 1
    this.#keyBytes += bytesOfKey
    this.#hashes[entry] = hash
    this.#ids[entry] = id
    this.#used[entry] = this.#now
    // Looked for anew: making room may have moved the others.
    this.#slots[this.#freeSlot(hash)] = entry + 1
    return id
  }

  #hasRoom(bytes: number): boolean {
    return this.#keys.length < this.#limit && this.#keyBytes + bytes <= this.#limit * AVERAGE_BYTES
  }

  /** A full table is looked through once a second, not for each flow. */
  #makeRoom(bytes: number): boolean {
    const now = Math.floor(this.#clock() / 1000)
    if (now === this.#sweptWhenFull) return false
    this.#sweptWhenFull = now
    this.#now = now
    this.#forget(IDLE_SECONDS_WHEN_FULL)
    return this.#hasRoom(bytes)
  }

  #forget(idleSeconds: number): void {
    let kept = 0
    for (let entry = 0; entry < this.#keys.length; entry++) {
      if (this.#now - this.#used[entry]! > idleSeconds) {
        this.#table.retire(this.#ids[entry]!)
        this.#keyBytes -= this.#keys[entry]!.length
        continue
      }
      this.#keys[kept] = this.#keys[entry]!
      this.#hashes[kept] = this.#hashes[entry]!
      this.#ids[kept] = this.#ids[entry]!
      this.#used[kept++] = this.#used[entry]!
    }
    if (kept === this.#keys.length) return
    this.#keys.length = kept
    this.#slots.fill(0)
    for (let entry = 0; entry < kept; entry++) this.#slots[this.#freeSlot(this.#hashes[entry]!)] = entry + 1
  }

  #firstSlot(hash: number): number {
    return hash & (this.#slots.length - 1)
  }

  #freeSlot(hash: number): number {
    let slot = this.#firstSlot(hash)
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1)
    return slot
  }
}

/** Four bytes at a time, then mixed so that the low bits depend on all of them. */
function hashRange(seed: number, bytes: Uint8Array, { at, end }: Part): number {
  let hash = seed ^ (end - at)
  let i = at
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    hash = Math.imul(hash ^ word, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

function isKey(key: Uint8Array, bytes: Uint8Array, end: Part, service: Part): boolean {
  const length = end.end - end.at
  if (key.length !== length + service.end - service.at) return false
  for (let i = 0; i < length; i++) if (key[i] !== bytes[end.at + i]) return false
  for (let i = length, o = service.at; i < key.length; i++, o++) if (key[i] !== bytes[o]) return false
  return true
}

function copyKey(bytes: Uint8Array, end: Part, service: Part): Uint8Array {
  const key = new Uint8Array(end.end - end.at + service.end - service.at)
  key.set(bytes.subarray(end.at, end.end))
  key.set(bytes.subarray(service.at, service.end), end.end - end.at)
  return key
}

/** @throws MalformedError */
function decodeEndpoint(bytes: Uint8Array, part: Part, service: Part): Endpoint {
  const known: { -readonly [Key in keyof Endpoint]?: Endpoint[Key] } = {}
  const labels: string[] = []
  const workloads: ServiceName[] = []
  eachField(bytes, part, (reader, end) => {
    const { field, wire } = reader
    if (field === 1 && wire === Wire.VARINT) known.localId = reader.varint()
    else if (field === 2 && wire === Wire.VARINT) known.identity = reader.varint()
    else if (wire !== Wire.LENGTH) reader.skip(end)
    else if (field === 3) known.namespace = reader.text(end)
    else if (field === 4) labels.push(reader.text(end))
    else if (field === 5) known.podName = reader.text(end)
    else if (field === 6) workloads.push(decodePair(bytes, reader, end))
    else if (field === 7) known.clusterName = reader.text(end)
    else reader.skip(end)
  })
  if (service.end > service.at) {
    const reader = new ProtobufReader()
    reader.begin(bytes, service.at)
    known.service = readPair(reader, service.end)
  }
  const named = workloads.map(({ name, namespace: kind }) => ({ name, kind }))
  return endpoint({ ...known, labels, workloads: named })
}

function eachField(bytes: Uint8Array, { at, end }: Part, visit: (reader: ProtobufReader, end: number) => void): void {
  const reader = new ProtobufReader()
  reader.begin(bytes, at)
  while (reader.next(end)) visit(reader, end)
}

function decodePair(bytes: Uint8Array, outer: ProtobufReader, outerEnd: number): ServiceName {
  const end = outer.length(outerEnd)
  const reader = new ProtobufReader()
  reader.begin(bytes, outer.at)
  outer.at = end
  return readPair(reader, end)
}

/** Two texts, fields 1 and 2: name and namespace of a service, name and kind of a workload. */
function readPair(reader: ProtobufReader, end: number): ServiceName {
  const pair = { name: '', namespace: '' }
  while (reader.next(end)) {
    if (reader.field === 1 && reader.wire === Wire.LENGTH) pair.name = reader.text(end)
    else if (reader.field === 2 && reader.wire === Wire.LENGTH) pair.namespace = reader.text(end)
    else reader.skip(end)
  }
  return pair
}
