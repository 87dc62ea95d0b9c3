import type { TickRate } from './ticks.ts'

/** What one interface of a capture says about its packets. */
export interface CaptureInterface {
  linkType: number
  /** Most bytes captured of a packet; 0 = all. */
  snapLength: number
  rate: TickRate
  /** pcapng's `if_tsoffset`: seconds to add to every time. */
  offsetSeconds: number
  /** `''` when the capture does not tell. */
  name: string
}

/** What the headers of a capture said so far; travels to the worker and back with every chunk. */
export interface CaptureFormat {
  kind: 'unknown' | 'pcap' | 'pcapng'
  littleEndian: boolean
  /** pcapng: of the current section. */
  interfaces: CaptureInterface[]
  /** Bytes that still belong to a block nobody needs. */
  skip: number
  /** Time of the packet before, which pcapng's simple packets share. */
  seconds: number
  nanos: number
}

export function unknownFormat(): CaptureFormat {
  return { kind: 'unknown', littleEndian: true, interfaces: [], skip: 0, seconds: 0, nanos: 0 }
}

/** A capture that cannot be read on; `at` is the offset in the bytes at hand. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError'
  readonly at: number

  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}
