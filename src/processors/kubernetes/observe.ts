import type { ObjectMeta } from '../../kubernetes/object.ts'

/** What a pod or a namespace says about being observed; `''` = nothing. */
export type Choice = '' | 'yes' | 'no'

/** Our annotation or label: `true` or `false`. */
const OBSERVE_KEY = 'fovea.dev/observe'

/** Retina's annotation: only `observe` means something. */
const RETINA_KEY = 'retina.sh'

/** @param selected whether the configured label selector picks the object */
export function choiceOf(
  { annotations, labels }: Pick<ObjectMeta, 'annotations' | 'labels'>,
  selected: boolean,
): Choice {
  const own = annotations?.[OBSERVE_KEY] ?? labels?.[OBSERVE_KEY]
  if (own === 'true') return 'yes'
  if (own === 'false') return 'no'
  return selected || annotations?.[RETINA_KEY] === 'observe' ? 'yes' : ''
}

/** The pod's word, else its namespace's, else the default. */
export function isObserved(pod: Choice, namespace: Choice, byDefault: boolean): boolean {
  const choice = pod || namespace
  return choice === '' ? byDefault : choice === 'yes'
}
