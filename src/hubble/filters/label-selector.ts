import { FilterError } from './flow-filter.ts'

/** Whether a list of labels (`source:key=value`) is selected. */
export type LabelTest = (labels: readonly string[]) => boolean

/** The part before `(`…`)` of one requirement: key and operator. */
const REQUIREMENT = /^(!?)\s*([^\s=!,()]+)\s*(?:(==?|!=)\s*([^\s=!,()]*)|(in|notin)\s*\(([^()]*)\))?$/

/**
 * A Kubernetes label selector: `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k`, `!k`, all of those that a comma
 * joins. Keys may name the source of the label (`k8s:app`, `reserved:world`); without it every source counts.
 * @throws FilterError
 */
export function parseSelector(text: string): LabelTest {
  const requirements = splitOutsideParentheses(text)
  if (requirements.length === 1 && requirements[0] === '') return () => true
  const tests = requirements.map(parseRequirement)
  return (labels) => tests.every((test) => test(labels))
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim())
}

function parseRequirement(text: string): LabelTest {
  const match = REQUIREMENT.exec(text)
  const [, not, key, sign, value, word, list] = match ?? []
  if (key === undefined || (not === '!' && (sign ?? word) !== undefined)) {
    throw new FilterError(
      `unable to parse requirement ${JSON.stringify(text)}: expected key, !key, key=value, key!=value, key in (…) or key notin (…)`,
    )
  }
  const valuesIn = labelValue(key)
  if (not === '!') return (labels) => valuesIn(labels).length === 0
  const wanted = sign === undefined ? (list ?? '').split(',').map((v) => v.trim()) : [value ?? '']
  if (sign === undefined && word === undefined) return (labels) => valuesIn(labels).length > 0
  const has: LabelTest = (labels) => valuesIn(labels).some((v) => wanted.includes(v))
  // As in Kubernetes: what lacks the key passes `!=` and `notin`.
  return sign === '!=' || word === 'notin' ? (labels) => !has(labels) : has
}

/** Values of a key in a list of labels; several sources may have it. */
function labelValue(key: string): (labels: readonly string[]) => string[] {
  const withSource = key.includes(':')
  return (labels) =>
    labels.flatMap((label) => {
      const equals = label.indexOf('=')
      const name = equals < 0 ? label : label.slice(0, equals)
      const known = withSource ? name : name.slice(name.indexOf(':') + 1)
      if (known !== key && !(withSource && key === `any:${name.slice(name.indexOf(':') + 1)}`)) return []
      return [equals < 0 ? '' : label.slice(equals + 1)]
    })
}
