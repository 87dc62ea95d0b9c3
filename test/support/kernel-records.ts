import { objectPath } from '../../native/addon.ts'
import { Capture, type FilledSlab } from '../../native/capture.ts'
import type { Rodata } from '../../native/test-object.ts'
import { EVENT } from '../../src/receivers/ebpf/layout.ts'
import { eventually } from './eventually.ts'
import { type RecordFields, readRecord } from './packet-programs.ts'

const SLABS = 4
const SLAB_BYTES = 1 << 20

/** A record with the place in the kernel where the packet was dropped. */
export interface KernelRecordFields extends RecordFields {
  location: string
}

/**
 * The records that one object's programs write, attached to this kernel's tracepoints. They tell of every namespace of the
 * machine: a test looks for its own addresses.
 */
export class KernelRecords {
  readonly records: KernelRecordFields[] = []
  readonly #capture: Capture

  /** @throws Error naming a program that does not load */
  constructor(object: string, rodata: Rodata = {}) {
    this.#capture = new Capture(
      {
        objects: [{ path: objectPath(object) }],
        rodata,
        maxEntries: { events: 1 << 22 },
        interfaces: { exclude: ['*'] },
      },
      { onSlab: (slab) => this.#take(slab) },
    )
    const failed = this.#capture.programs.find((program) => program.errno !== 0)
    if (failed !== undefined) throw new Error(`${failed.program}: ${failed.error}\n${failed.log}`)
    for (let i = 0; i < SLABS; i++) this.#capture.give(new ArrayBuffer(SLAB_BYTES))
  }

  /** Waits for a record that has these fields. */
  async find(what: string, fields: Partial<KernelRecordFields>): Promise<KernelRecordFields> {
    const matches = (record: KernelRecordFields) =>
      Object.entries(fields).every(([name, value]) => record[name as keyof KernelRecordFields] === value)
    return await eventually(what, () => this.records.find(matches), 10_000)
  }

  close(): Promise<void> {
    return this.#capture.close(5000)
  }

  #take({ slab, bytes }: FilledSlab): void {
    const view = new Uint8Array(slab, 0, bytes)
    const data = new DataView(slab)
    for (let at = 0; at < bytes; at += data.getUint16(at + EVENT.length, true)) {
      const record = view.slice(at, at + data.getUint16(at + EVENT.length, true))
      const location = Number(data.getBigUint64(at + EVENT.location, true))
      this.records.push({ ...readRecord(record), location: this.#capture.location(location) })
    }
    this.#capture.give(slab)
  }
}
