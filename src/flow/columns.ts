/**
 * The columns of a flow batch: one typed array per field, all views of one `ArrayBuffer`, so that a batch crosses
 * threads by moving that buffer. The order below (widest first) is the order in the buffer; every column starts aligned.
 */

/** Columns by name: element type and elements per row. */
export const COLUMNS = {
  /** Layer-2 bytes on the wire since the last record of this connection at this point. */
  bytes: [Float64Array, 1],
  /** Unix time, whole seconds. */
  timeSeconds: [Uint32Array, 1],
  timeNanos: [Uint32Array, 1],
  /** Packets of the wire since the last record. */
  packets: [Uint32Array, 1],
  /** 16 bytes in network order; IPv4 as ::ffff:a.b.c.d. */
  sourceAddress: [Uint32Array, 4],
  destinationAddress: [Uint32Array, 4],
  /** Ids of the endpoint table (`flow/endpoint.ts`); 0 = unknown. */
  sourceEndpoint: [Uint32Array, 1],
  destinationEndpoint: [Uint32Array, 1],
  interfaceIndex: [Uint32Array, 1],
  /** Smoothed RTT of the socket in µs; 0 = unknown. */
  rttUs: [Uint32Array, 1],
  /** By `kind`: TCP_CONNECT setup time in µs, TCP_RESET 1 sent / 2 received, TCP_CLOSE retransmitted segments, TCP_STATE old << 8 | new, DROP `enum skb_drop_reason`. */
  detail: [Uint32Array, 1],
  /** Each connection kept by sampling stands for this many; 1 without sampling. */
  weight: [Float32Array, 1],
  sourcePort: [Uint16Array, 1],
  destinationPort: [Uint16Array, 1],
  /** `TcpFlag` bits. */
  tcpFlags: [Uint16Array, 1],
  vlan: [Uint16Array, 1],
  /** Indexes into `FlowBatch.strings`; 0 = none. Several DNS names of one end are joined by `,`. */
  sourceNames: [Uint16Array, 1],
  destinationNames: [Uint16Array, 1],
  interfaceName: [Uint16Array, 1],
  /** The kernel's own name of the drop reason (`NETFILTER_DROP`), and the symbol where it dropped (`nf_hook_slow+0x93`). */
  dropReasonName: [Uint16Array, 1],
  dropLocation: [Uint16Array, 1],
  /** Row of the L7 table + 1; 0 = none. */
  l7: [Uint16Array, 1],
  /** `Kind` */
  kind: [Uint8Array, 1],
  /** `Report` */
  report: [Uint8Array, 1],
  /** `FlowType` */
  type: [Uint8Array, 1],
  /** `Verdict` */
  verdict: [Uint8Array, 1],
  /** `flow.DropReason` (0 = DROP_REASON_UNKNOWN; all defined numbers are below 256) */
  dropReason: [Uint8Array, 1],
  /** `EventType`, `TraceSubType` or `flow.DropReason`: what the Hubble CLI prints as TYPE. */
  eventType: [Uint8Array, 1],
  eventSubType: [Uint8Array, 1],
  /** `ObservationPoint` */
  observationPoint: [Uint8Array, 1],
  /** `Direction` */
  direction: [Uint8Array, 1],
  /** `Reply` */
  isReply: [Uint8Array, 1],
  /** 0 (not IP), 4 or 6. */
  ipVersion: [Uint8Array, 1],
  /** IANA number. */
  protocol: [Uint8Array, 1],
  icmpType: [Uint8Array, 1],
  icmpCode: [Uint8Array, 1],
} as const

export type ColumnName = keyof typeof COLUMNS
export type Columns = { readonly [K in ColumnName]: InstanceType<(typeof COLUMNS)[K][0]> }

/** A column of this or another table. */
type Column = Columns[ColumnName]

/** Bytes of one row over all columns. */
export const ROW_BYTES = Object.values(COLUMNS).reduce((sum, [type, width]) => sum + type.BYTES_PER_ELEMENT * width, 0)

/** Most rows of one batch: the indexes above are 16 bits wide. */
export const MAX_ROWS = 16_384

/** Bytes of a buffer that holds `capacity` rows (a multiple of 8 rows, so that every column is aligned). */
export function bufferBytes(capacity: number): number {
  return roundRows(capacity) * ROW_BYTES
}

/** Views of `buffer` as columns of `capacity` rows, from `at` (a multiple of 8) on. @throws RangeError when it is too small */
export function viewColumns(buffer: ArrayBuffer, capacity: number, at = 0): Columns {
  const rows = roundRows(capacity)
  const columns: Record<string, unknown> = {}
  let offset = at
  for (const [name, [type, width]] of Object.entries(COLUMNS)) {
    columns[name] = new type(buffer, offset, rows * width)
    offset += rows * width * type.BYTES_PER_ELEMENT
  }
  // The copy has fast properties: V8 turns an object built by computed keys into a dictionary, 10 times slower to read.
  return { ...columns } as Columns
}

/** Copies the first `rows` rows of all columns. */
export function copyRows(from: Columns, to: Columns, rows: number): void {
  for (const name of Object.keys(COLUMNS) as ColumnName[]) to[name].set(from[name].subarray(0, rows * COLUMNS[name][1]))
}

/** Copies one row onto another of the same columns. */
export function copyRow(columns: Columns, from: number, to: number): void {
  for (const name of Object.keys(COLUMNS) as ColumnName[]) {
    const width = COLUMNS[name][1]
    columns[name].copyWithin(to * width, from * width, (from + 1) * width)
  }
}

/** Copies the rows whose numbers are in `rows[0, count)` to the first rows of `to`. */
export function gatherRows(from: Columns, to: Columns, rows: Uint32Array, count: number): void {
  for (const name of Object.keys(COLUMNS) as ColumnName[])
    gatherColumn(from[name], to[name], rows, { count, width: COLUMNS[name][1] })
}

/** The same for one column of any table. @param shape rows, and elements of a row (1 but for 4-byte elements) */
export function gatherColumn(
  from: Column,
  to: Column,
  rows: Uint32Array,
  { count, width }: { count: number; width: number },
): void {
  // One loop per element size: a loop that sees every kind of typed array is 10 times slower.
  switch (from.BYTES_PER_ELEMENT) {
    case 8:
      gather64(from as Float64Array, to as Float64Array, rows, count)
      break
    case 4:
      gather32(asWords(from), asWords(to), rows, { count, width })
      break
    case 2:
      gather16(from as Uint16Array, to as Uint16Array, rows, count)
      break
    default:
      gather8(from as Uint8Array, to as Uint8Array, rows, count)
  }
}

function asWords(column: Column): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length)
}

function gather64(from: Float64Array, to: Float64Array, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
}

function gather32(
  from: Uint32Array,
  to: Uint32Array,
  rows: Uint32Array,
  { count, width }: { count: number; width: number },
): void {
  for (let i = 0, o = 0; i < count; i++) {
    const at = rows[i]! * width
    for (let word = 0; word < width; word++) to[o++] = from[at + word]!
  }
}

function gather16(from: Uint16Array, to: Uint16Array, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
}

function gather8(from: Uint8Array, to: Uint8Array, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
}

function roundRows(capacity: number): number {
  return (capacity + 7) & ~7
}
