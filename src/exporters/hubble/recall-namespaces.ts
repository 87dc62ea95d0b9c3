import { setImmediate } from 'node:timers/promises'
import type { FlowRing, Place } from './flow-ring.ts'
import { NAMESPACE_MS, type SeenNamespaces } from './namespaces.ts'
import type { RingEntry } from './ring-entry.ts'

/** Most blocks that are read: what they tell of is a million flows, and about a second of one core. */
const MOST_BLOCKS = 64

/**
 * Namespaces of the flows that a history has of the last hour, the newest first: to be called at the start, before new flows
 * come. Resolves when it has looked at all, or at enough.
 * @param stopped asked between two blocks
 */
export async function recallNamespaces(
  ring: FlowRing,
  namespaces: SeenNamespaces,
  stopped: () => boolean,
): Promise<void> {
  const oldestMs = Date.now() - NAMESPACE_MS
  let sequence = ring.next - 1
  for (let blocks = 0; blocks < MOST_BLOCKS && sequence >= ring.oldest && !stopped(); ) {
    const place = ring.place(sequence)
    if (place.at === 'disk') {
      blocks++
      if (place.youngestMs < oldestMs) return
    }
    for (const entry of await entriesOf(ring, place)) if (entry.at === 'flows') namespaces.recall(entry.batch)
    sequence = place.from - 1
    await setImmediate()
  }
}

async function entriesOf(ring: FlowRing, place: Place): Promise<readonly RingEntry[]> {
  if (place.at === 'gone') return []
  return place.at === 'disk' ? ((await ring.load(place)) ?? []) : [place]
}
