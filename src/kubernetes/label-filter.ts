/**
 * Which labels make identities, by the rules of Cilium 1.19 (its `labels` option, pkg/labelsfilter): expressions are matched at the
 * start of the key; a label counts when the longest match of those that take in is longer than the shortest of those that leave
 * out, or when nothing leaves it out and no expression of the user takes in. Labels that differ from pod to pod or from run to run
 * of the same workload must stay out, or every pod becomes an identity of its own.
 */

/** Cilium's own list. */
const CILIUM: readonly string[] = [
  'io\\.kubernetes\\.pod\\.namespace',
  'io\\.cilium\\.k8s\\.namespace\\.labels',
  'app\\.kubernetes\\.io',
  'io\\.cilium\\.k8s\\.policy\\.cluster',
  'io\\.cilium\\.k8s\\.policy\\.serviceaccount',
  '!io\\.kubernetes',
  '!kubernetes\\.io',
  '!statefulset\\.kubernetes\\.io/pod-name',
  '!apps\\.kubernetes\\.io/pod-index',
  '!batch\\.kubernetes\\.io/job-completion-index',
  '!batch\\.kubernetes\\.io/controller-uid',
  '!.*beta\\.kubernetes\\.io',
  '!k8s\\.io',
  '!pod-template-generation',
  '!pod-template-hash',
  '!controller-revision-hash',
  '!controller-uid',
  '!annotation.*',
  '!etcd_node',
  '!topology\\.kubernetes\\.io',
]

/** What Cilium leaves to the user, and what would use up a number for each run of a CronJob or each revision of a Rollout. */
const FURTHER: readonly string[] = ['!batch\\.kubernetes\\.io/job-name', '!job-name$', '!rollouts-pod-template-hash$']

/** Keys whose verdict is remembered; a cluster has hundreds. */
const CACHE_SIZE = 10_000

interface Rule {
  /** Undefined for another source of labels than Kubernetes. */
  expression: RegExp | undefined
  /** Whether labels that match count. */
  takesIn: boolean
}

/** Decides by label key. */
export class LabelFilter {
  readonly #rules: readonly Rule[]
  /** Whether a key that no rule matches counts. */
  readonly #otherwise: boolean
  readonly #verdicts = new Map<string, boolean>()

  /**
   * @param expressions on top of the defaults, for example `k8s:team`, `!build-.*` or `k8s:!git`; once one of them takes in, only
   *   labels that are named count
   * @throws Error that names the expression at fault
   */
  constructor(expressions: readonly string[] = []) {
    const own = expressions.map(parseRule)
    this.#rules = [...CILIUM.map(parseRule), ...FURTHER.map(parseRule), ...own].filter(({ expression }) => expression)
    this.#otherwise = own.every(({ takesIn }) => !takesIn)
  }

  keeps(key: string): boolean {
    let verdict = this.#verdicts.get(key)
    if (verdict !== undefined) return verdict
    verdict = this.#judge(key)
    if (this.#verdicts.size >= CACHE_SIZE) this.#verdicts.clear()
    this.#verdicts.set(key, verdict)
    return verdict
  }

  #judge(key: string): boolean {
    let taken = 0
    let left = 0
    for (const { expression, takesIn } of this.#rules) {
      const length = expression?.exec(key)?.[0].length ?? 0
      if (takesIn) taken = Math.max(taken, length)
      else if (length > 0) left = left === 0 ? length : Math.min(left, length)
    }
    return (this.#otherwise && left === 0) || taken > left
  }
}

/** Source of all labels that are judged here; a rule for another source says only whether what is not named counts. */
const SOURCE = 'k8s'

/** `[source:][!]expression`; also `!source:expression`, which in Cilium would match nothing. */
function parseRule(text: string): Rule {
  const [, before = '', source = SOURCE, behind = '', body = ''] = /^(!?)(?:([a-z0-9-]+):)?(!?)(.*)$/s.exec(text) ?? []
  if (body === '') throw new Error(`label expression ${JSON.stringify(text)} has no key`)
  const takesIn = before === '' && behind === ''
  if (source !== SOURCE) return { expression: undefined, takesIn }
  try {
    return { expression: new RegExp(`^(?:${body})`), takesIn }
  } catch (cause) {
    throw new Error(`label expression ${JSON.stringify(text)}: ${(cause as Error).message}`, { cause })
  }
}
