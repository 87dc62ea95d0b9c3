/** Component ids, `type` or `type/name`, and the Collector's rules for both parts. */

export interface ParsedId {
  /** `type/name` without the spaces around its parts. */
  id: string
  type: string
  /** `''` when the id has no name. */
  name: string
}

const TYPE = /^[a-zA-Z][0-9a-zA-Z_]{0,62}$/
const NAME = /^[^\p{Z}\p{C}\p{S}]+$/u
const MAX_NAME_BYTES = 1_024

/** Splits an id at its first `/`. @throws Error in the Collector's words */
export function parseId(text: string): ParsedId {
  const slash = text.indexOf('/')
  const type = (slash < 0 ? text : text.slice(0, slash)).trim()
  const name = slash < 0 ? '' : text.slice(slash + 1).trim()
  const fail = (message: string) => new Error(`in ${JSON.stringify(text)} id: ${message}`)
  if (type === '') throw fail(slash < 0 ? 'id must not be empty' : 'the part before / should not be empty')
  if (slash >= 0 && name === '') throw fail('the part after / should not be empty')
  if (!TYPE.test(type)) throw fail(`invalid character(s) in type ${JSON.stringify(type)}`)
  if (name !== '' && (!NAME.test(name) || Buffer.byteLength(name) > MAX_NAME_BYTES)) {
    throw fail(`invalid character(s) in name ${JSON.stringify(name)}`)
  }
  return { id: name === '' ? type : `${type}/${name}`, type, name }
}
