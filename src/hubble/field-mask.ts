import { FlowMask, type MaskTree } from '../flow/hubble-mask.ts'
import { messageFields } from './definition.ts'

/** A mask names something that flows do not have. */
export class FieldMaskError extends Error {
  override readonly name = 'FieldMaskError'
}

/** What the hubble CLI asks for unless it is told otherwise, for compact, dict and table output (Cilium 1.16 to 1.19). */
export const CLI_PATHS: readonly string[] = [
  'time',
  'verdict',
  'ethernet',
  'IP',
  'l4',
  'source.identity',
  'source.namespace',
  'source.pod_name',
  'destination.identity',
  'destination.namespace',
  'destination.pod_name',
  'Type',
  'node_name',
  'l7',
  'event_type',
  'source_service',
  'destination_service',
  'is_reply',
  'Summary',
  'ip_trace_id',
]

/** What it prints, and forgets to ask for: DNS names of ends, and what it says of policy verdicts. Later versions add some. */
const CLI_FORGETS: readonly string[] = [
  'source_names',
  'destination_names',
  'auth_type',
  'traffic_direction',
  'policy_match_type',
  'debug_capture_point',
  'sock_xlate_point',
  'egress_allowed_by',
  'ingress_allowed_by',
  'egress_denied_by',
  'ingress_denied_by',
]

/**
 * The mask of paths below `flow.Flow` (`source.pod_name`, `l4.TCP.flags`); undefined = whole flows are wanted. A path
 * within a message of which all is wanted, too, adds nothing. To the CLI's default mask, and to no other, is added what
 * the CLI prints besides.
 * @throws FieldMaskError in Hubble's words
 */
export function flowMask(paths: readonly string[]): FlowMask | undefined {
  if (paths.length === 0) return undefined
  const tree = new Map<number, MaskTree | true>()
  for (const path of isCliMask(paths) ? [...paths, ...CLI_FORGETS] : paths) add(tree, 'flow.Flow', path.split('.'))
  return new FlowMask(tree)
}

function isCliMask(paths: readonly string[]): boolean {
  return paths.length === CLI_PATHS.length && CLI_PATHS.every((path) => paths.includes(path))
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
