import { createHash } from 'node:crypto'

/** Numbers of endpoints on their node: Cilium's are 16 bits wide, and 0 means none. */
export const LAST_ENDPOINT = 65_535

/**
 * The number on its node that a pod gets when it is free: a hash of its uid, so that it stays over a restart. An agent without an
 * operator uses it as it is.
 */
export function preferredEndpoint(uid: string): number {
  return 1 + (createHash('sha1').update(uid).digest().readUInt32BE(0) % LAST_ENDPOINT)
}
