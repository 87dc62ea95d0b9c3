import type { Columns } from '../../flow/columns.ts'

/**
 * 32-bit hash of the row's connection: addresses, ports and protocol, the same for both directions and at every
 * observation point. @param seed another seed gives an unrelated hash
 */
export function connectionHash(columns: Columns, row: number, seed: number): number {
  const { sourceAddress, destinationAddress, sourcePort, destinationPort, protocol } = columns
  const source = endHash(sourceAddress, row, sourcePort[row]!, seed)
  const destination = endHash(destinationAddress, row, destinationPort[row]!, seed)
  // A sum does not know its order.
  return mix((source + destination + Math.imul(protocol[row]!, 0x27d4eb2f)) | 0) >>> 0
}

function endHash(addresses: Uint32Array, row: number, port: number, seed: number): number {
  const at = 4 * row
  let hash = mix(seed ^ addresses[at]!)
  hash = mix(hash ^ addresses[at + 1]!)
  hash = mix(hash ^ addresses[at + 2]!)
  hash = mix(hash ^ addresses[at + 3]!)
  return mix(hash ^ port)
}

/** Finalizer of MurmurHash3: every bit of the input moves every bit of the output. */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) + 0x9e3779b9
  return hash ^ (hash >>> 16)
}
