import { FlowMask, type MaskTree } from '../../flow/hubble-mask.ts'
import { messageFields } from '../../hubble/definition.ts'

/** A mask names something that flows do not have. */
export class FieldMaskError extends Error {
  override readonly name = 'FieldMaskError'
}

/**
 * The mask of paths below `flow.Flow` (`source.pod_name`, `l4.TCP.flags`); undefined = whole flows are wanted. A path
 * within a message of which all is wanted, too, adds nothing.
 * @throws FieldMaskError in Hubble's words
 */
export function flowMask(paths: readonly string[]): FlowMask | undefined {
  if (paths.length === 0) return undefined
  const tree = new Map<number, MaskTree | true>()
  for (const path of paths) add(tree, 'flow.Flow', path.split('.'))
  return new FlowMask(tree)
}

function add(tree: Map<number, MaskTree | true>, type: string, [name, ...below]: readonly string[]): void {
  const field = messageFields(type).find((candidate) => candidate.name === name)
  if (field === undefined) throw new FieldMaskError('invalid fieldmask')
  const known = tree.get(field.number)
  if (below.length === 0) tree.set(field.number, true)
  else if (field.type !== 'TYPE_MESSAGE' || field.repeated) throw new FieldMaskError('invalid fieldmask')
  else {
    const part = known === undefined || known === true ? new Map<number, MaskTree | true>() : new Map(known)
    // Also where the whole message is wanted: the path is checked.
    add(part, field.typeName.startsWith('google.') ? field.typeName : `flow.${field.typeName}`, below)
    if (known !== true) tree.set(field.number, part)
  }
}
