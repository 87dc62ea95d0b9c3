import { createHash } from 'node:crypto'
import type { QueueOwner } from '../../pipeline/sending-queue/storage.ts'

/** File systems allow 255 bytes. */
const LONGEST = 200

/**
 * Name of an owner's folder, another one for each: `exporter_otlp_grpc~002Fbackup_flows`. Characters that are not safe in a
 * name on every system are written as `~` and their UTF-16 number, capitals among them, which some systems do not tell apart.
 */
export function folderName({ id, signal }: QueueOwner): string {
  const safe = id.replaceAll(/[^a-z0-9._-]/g, (character) => `~${hex(character)}`)
  const name = `exporter_${safe}_${signal}`
  if (name.length <= LONGEST) return name
  const hash = createHash('sha256').update(name).digest('hex')
  // No other name has "~~".
  return `${name.slice(0, LONGEST - hash.length - 2)}~~${hash}`
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
}
