import { messageFields } from '../../hubble/definition.ts'

/** A mask names something that flows do not have. */
export class FieldMaskError extends Error {
  override readonly name = 'FieldMaskError'
}

/**
 * Checks paths below `flow.Flow` (`source.pod_name`, `l4.TCP.flags`). The mask itself is not applied: clients then see more
 * than they asked for, and the Hubble CLI prints DNS names that its own default mask leaves out.
 * @throws FieldMaskError in Hubble's words
 */
export function checkFieldMask(paths: readonly string[]): void {
  if (!paths.every((path) => exists('flow.Flow', path.split('.')))) throw new FieldMaskError('invalid fieldmask')
}

function exists(type: string, [name, ...below]: readonly string[]): boolean {
  const field = messageFields(type).find((candidate) => candidate.name === name)
  if (field === undefined) return false
  if (below.length === 0) return true
  if (field.type !== 'TYPE_MESSAGE' || field.repeated) return false
  const known = field.typeName.startsWith('google.') ? field.typeName : `flow.${field.typeName}`
  return exists(known, below)
}
