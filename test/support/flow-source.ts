import { performance } from 'node:perf_hooks'
import type { FlowBatch } from '../../src/flow/batch.ts'
import type { FlowConsumer } from '../../src/pipeline/component.ts'
import { flowBatch, TCP_SYN } from './flows.ts'

const BATCH_MS = 50

/** Number of the flow with this source address: what {@link flood} counts in. */
export function flowNumber(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
}

/** `length` flows numbered from `from` on by their source address, as old as now. */
export function numberedBatch(from: number, length: number): FlowBatch {
  const batch = flowBatch(Array.from({ length }, () => TCP_SYN))
  renumber(batch, from)
  return batch
}

/** Hands over `perSecond` flows a second for `seconds`, in batches as a receiver makes them. Returns how many there were. */
export async function flood(next: FlowConsumer, perSecond: number, seconds: number): Promise<number> {
  const template = numberedBatch(0, Math.ceil((perSecond * BATCH_MS) / 1000))
  const total = perSecond * seconds
  const start = performance.now()
  let sent = 0
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond))
    while (sent < due) {
      const batch = template.copy()
      const length = Math.min(template.length, total - sent)
      renumber(batch, sent)
      await next.consume(
        length === batch.length ? batch : batch.select(new Uint8Array(batch.length).fill(1, 0, length)),
      )
      sent += length
    }
    await new Promise((resolve) => setTimeout(resolve, BATCH_MS / 2))
  }
  return sent
}

function renumber(batch: FlowBatch, from: number): void {
  const { sourceAddress, timeSeconds, timeNanos } = batch.columns
  const addresses = new DataView(sourceAddress.buffer, sourceAddress.byteOffset)
  const now = Date.now()
  timeSeconds.fill(Math.floor(now / 1000))
  for (let i = 0; i < batch.length; i++) {
    addresses.setUint32(i * 16 + 12, from + i)
    timeNanos[i] = (now % 1000) * 1_000_000 + i
  }
}
