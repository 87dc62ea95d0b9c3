import { advice } from '../../pipeline/config/suggest.ts'
import { enumNumbers, type Field, messageFields } from '../definition.ts'
import type { FlowFilter } from './flow-filter.ts'

/** A value of a filter as people write it that does not fit, with its place below the filter. */
export interface Misfit {
  path: readonly string[]
  message: string
}

/**
 * A `flow.FlowFilter` from YAML or JSON: proto field names, enums by name or number, numbers also where the API has text
 * (`destination_port: [53]`). Everything that does not fit is added to `misfits`.
 */
export function parseFlowFilter(value: unknown, misfits: Misfit[]): FlowFilter {
  return parseMessage('flow.FlowFilter', value, [], misfits)
}

function parseMessage(type: string, value: unknown, path: readonly string[], misfits: Misfit[]): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    misfits.push({ path, message: 'expected a map of filter fields' })
    return {}
  }
  const fields = new Map(messageFields(type).map((field) => [field.name, field]))
  const parsed: Record<string, unknown> = {}
  for (const [name, given] of Object.entries(value)) {
    const field = fields.get(name)
    if (field === undefined)
      misfits.push({
        path: [...path, name],
        message: `unknown filter field${advice(name, [...fields.keys()], 'fields')}`,
      })
    else parsed[name] = parseField(field, given, [...path, name], misfits)
  }
  return parsed
}

function parseField(field: Field, given: unknown, path: readonly string[], misfits: Misfit[]): unknown {
  if (!field.repeated) return parseValue(field, given, path, misfits)
  if (!Array.isArray(given)) {
    misfits.push({ path, message: `expected a list: [${JSON.stringify(given) ?? ''}]` })
    return []
  }
  return given.map((item, i) => parseValue(field, item, [...path, String(i)], misfits))
}

function parseValue(field: Field, given: unknown, path: readonly string[], misfits: Misfit[]): unknown {
  const complain = (message: string) => void misfits.push({ path, message })
  switch (field.type) {
    case 'TYPE_MESSAGE':
      if (field.name === 'experimental') return complain('CEL expressions are not supported here')
      return parseMessage(`flow.${field.typeName}`, given, path, misfits)
    case 'TYPE_ENUM':
      return parseEnum(`flow.${field.typeName}`, given, complain)
    case 'TYPE_BOOL':
      return typeof given === 'boolean' ? given : complain('expected true or false')
    case 'TYPE_STRING':
      if (typeof given === 'string' || typeof given === 'number') return String(given)
      return complain('expected a text')
    default:
      return Number.isSafeInteger(given) ? given : complain('expected an integer')
  }
}

function parseEnum(type: string, given: unknown, complain: (message: string) => void): unknown {
  const numbers = enumNumbers(type)
  if (typeof given === 'string' && Object.hasOwn(numbers, given)) return numbers[given]
  if (typeof given === 'number' && Object.values(numbers).includes(given)) return given
  const names = Object.keys(numbers)
  complain(
    `unknown value ${JSON.stringify(given)}, ${names.length > 10 ? `see ${type}` : `one of ${names.join(', ')}`}`,
  )
  return undefined
}
