import type { FlowBatch } from '../../flow/batch.ts'
import { NETFILTER_NAME, POLICY_DENIED } from '../../flow/drop-reason-names.ts'
import { Kind } from '../../flow/enums.ts'
import { nearestDropReason } from './drop-reasons.ts'

/** What only the main thread knows: the kernel's tables as the addon reads them. */
export interface NameResolver {
  /** `''` when no such interface is known. */
  interfaceName(ifindex: number): string
  /** Name of an `enum skb_drop_reason` without its prefix; `''` when unknown. */
  dropReason(reason: number): string
  /** `symbol+0xoffset` of a location id; `''` when unknown. */
  location(id: number): string
}

/** Interfaces remembered within a batch, by the low bits of their index. */
const SLOTS = 256
const slotInterface = new Uint32Array(SLOTS)
const slotName = new Uint16Array(SLOTS)

/**
 * Fills the columns that hold names of the kernel: `interfaceName` of every row, and of drops `dropReasonName`,
 * `dropLocation` (which comes as a location id), `dropReason` and the `eventSubType` that follows it.
 */
export function nameRows(batch: FlowBatch, resolver: NameResolver): void {
  const { interfaceIndex, interfaceName, kind } = batch.columns
  slotInterface.fill(0)
  slotName.fill(0)
  for (let i = 0; i < batch.length; i++) {
    const ifindex = interfaceIndex[i]!
    const slot = ifindex & (SLOTS - 1)
    if (slotInterface[slot] !== ifindex) {
      slotInterface[slot] = ifindex
      slotName[slot] = intern(batch, resolver.interfaceName(ifindex))
    }
    interfaceName[i] = slotName[slot]!
    if (kind[i] === Kind.DROP) nameDrop(batch, i, resolver)
  }
}

function nameDrop(batch: FlowBatch, row: number, resolver: NameResolver): void {
  const { detail, dropReason, dropReasonName, dropLocation, eventSubType } = batch.columns
  const kernelName = resolver.dropReason(detail[row]!)
  // The decoder already knows netfilter's drops on kernels whose `kfree_skb` gives no reason.
  const number = nearestDropReason(kernelName) || dropReason[row]!
  const netfilter = kernelName === 'NETFILTER_DROP' || (number === POLICY_DENIED && nearestDropReason(kernelName) === 0)
  dropReason[row] = number
  eventSubType[row] = number
  dropReasonName[row] = intern(batch, netfilter ? NETFILTER_NAME : kernelName)
  dropLocation[row] = dropLocation[row] === 0 ? 0 : intern(batch, resolver.location(dropLocation[row]!))
}

function intern(batch: FlowBatch, text: string): number {
  return text === '' ? 0 : batch.intern(text)
}
