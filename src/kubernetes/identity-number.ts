/** Numbers of identities of one cluster: 1–255 are reserved, 2^16 and above belong to other clusters of a mesh (Cilium). */
export const FIRST_IDENTITY = 256
export const LAST_IDENTITY = 65_535

/** Identities that a cluster can have. */
export const IDENTITY_COUNT = LAST_IDENTITY - FIRST_IDENTITY + 1

/**
 * The number that a label set gets when it is free: a hash (FNV-1a, 32 bits, over UTF-16 units) of its `labelsKey`. Everybody
 * begins at the same number, so two allocators at once meet there and agree; an agent without an operator uses it as it is.
 */
export function preferredIdentity(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  // The low bits of FNV are weak: the high ones are mixed in.
  hash ^= hash >>> 15
  return FIRST_IDENTITY + ((hash >>> 0) % IDENTITY_COUNT)
}

/** Every number once, in the order in which they are tried for `key`. */
export function* identityCandidates(key: string): Generator<number> {
  const first = preferredIdentity(key) - FIRST_IDENTITY
  for (let i = 0; i < IDENTITY_COUNT; i++) yield FIRST_IDENTITY + ((first + i) % IDENTITY_COUNT)
}
