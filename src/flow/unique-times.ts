import { type Columns, MAX_ROWS } from './columns.ts'

/** Slots of the table below: at most a quarter is in use. */
const SLOTS = 4 * MAX_ROWS
const NS_PER_SECOND = 1_000_000_000

/** Row of a time that was seen; an entry of an earlier call is told by its stamp. */
const rows = new Uint32Array(SLOTS)
const stamps = new Uint32Array(SLOTS)
let stamp = 0

/**
 * Makes the times of a batch different from each other by moving equal ones on by a nanosecond, because Hubble UI keys
 * its rows by time. Rows in order cost one comparison; the hash table is used only where CPUs mixed their records.
 */
export function uniqueTimes(columns: Columns, length: number): void {
  const { timeSeconds, timeNanos } = columns
  // What the row before held, and what it was moved to: a run of equal times is moved on as a run.
  let seconds = -1
  let nanos = 0
  let movedTo = 0
  for (let i = 0; i < length; i++) {
    const same = timeSeconds[i] === seconds
    if (timeSeconds[i]! < seconds || (same && timeNanos[i]! < nanos)) {
      uniqueByTable(columns, length)
      return
    }
    if (same && timeNanos[i]! <= movedTo) {
      nanos = timeNanos[i]!
      movedTo++
      setNanos(columns, i, movedTo)
      continue
    }
    seconds = timeSeconds[i]!
    nanos = timeNanos[i]!
    movedTo = nanos
  }
}

function uniqueByTable(columns: Columns, length: number): void {
  const { timeSeconds, timeNanos } = columns
  stamp++
  let seconds = -1
  let nanos = 0
  let previous = 0
  for (let i = 0; i < length; i++) {
    if (timeSeconds[i] === seconds && timeNanos[i] === nanos) {
      timeSeconds[i] = timeSeconds[previous]!
      setNanos(columns, i, timeNanos[previous]! + 1)
    } else {
      seconds = timeSeconds[i]!
      nanos = timeNanos[i]!
    }
    while (!claim(columns, i)) setNanos(columns, i, timeNanos[i]! + 1)
    previous = i
  }
}

/** Enters the time of a row into the table. Returns false when another row has that time. */
function claim(columns: Columns, row: number): boolean {
  const { timeSeconds, timeNanos } = columns
  let slot = (Math.imul(timeNanos[row]!, 0x9e3779b1) + timeSeconds[row]!) >>> 0
  for (;;) {
    slot &= SLOTS - 1
    if (stamps[slot] !== stamp) break
    const other = rows[slot]!
    if (timeNanos[other] === timeNanos[row] && timeSeconds[other] === timeSeconds[row]) return false
    slot++
  }
  stamps[slot] = stamp
  rows[slot] = row
  return true
}

/** @param nanos at most one second too many */
function setNanos(columns: Columns, row: number, nanos: number): void {
  const over = nanos >= NS_PER_SECOND
  columns.timeNanos[row] = over ? nanos - NS_PER_SECOND : nanos
  if (over) columns.timeSeconds[row]! += 1
}
