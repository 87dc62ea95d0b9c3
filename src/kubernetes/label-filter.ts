/**
 * Which labels make identities, by Cilium's rules (its `labels` option): each expression is matched at the start of the key,
 * the longest match decides, and `!` in front leaves out. Labels that differ from pod to pod or from run to run of the same
 * workload must stay out, or every pod becomes an identity of its own.
 */

/** What counts unless an expression of the user matches longer. */
const DEFAULTS: readonly string[] = [
  'io\\.kubernetes\\.pod\\.namespace',
  'io\\.cilium\\.k8s\\.namespace\\.labels',
  'io\\.cilium\\.k8s\\.policy\\.(cluster|serviceaccount)',
  'app\\.kubernetes\\.io',
  '!io\\.kubernetes',
  '!kubernetes\\.io',
  '!.*beta\\.kubernetes\\.io',
  '!k8s\\.io',
  '!topology\\.kubernetes\\.io',
  '!statefulset\\.kubernetes\\.io/pod-name',
  '!apps\\.kubernetes\\.io/pod-index',
  // Job names carry the time of the run: with them a CronJob would use up a number each time.
  '!batch\\.kubernetes\\.io/(controller-uid|job-name|job-completion-index)',
  '!(job-name|controller-uid)$',
  '!pod-template-(hash|generation)$',
  '!controller-revision-hash$',
  '!rollouts-pod-template-hash$',
  '!annotation',
  '!etcd_node',
]

/** Keys whose verdict is remembered; a cluster has hundreds. */
const CACHE_SIZE = 10_000

interface Rule {
  expression: RegExp
  keep: boolean
}

/** Decides by label key. */
export class LabelFilter {
  readonly #rules: readonly Rule[]
  /** Whether a key that no rule matches counts. */
  readonly #otherwise: boolean
  readonly #verdicts = new Map<string, boolean>()

  /**
   * @param expressions on top of the defaults, for example `k8s:team` or `!k8s:build-.*`; once one of them has no `!`,
   *   only labels that are named count
   * @throws Error that names the expression at fault
   */
  constructor(expressions: readonly string[] = []) {
    this.#rules = [...DEFAULTS, ...expressions].map(parseRule)
    this.#otherwise = expressions.every((expression) => expression.startsWith('!'))
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
    let longest = -1
    let verdict = this.#otherwise
    for (const { expression, keep } of this.#rules) {
      const length = expression.exec(key)?.[0].length ?? -1
      if (length < longest || length < 0) continue
      // Of two matches of one length the later wins: the user's over the default.
      longest = length
      verdict = keep
    }
    return verdict
  }
}

function parseRule(text: string): Rule {
  const keep = !text.startsWith('!')
  const body = (keep ? text : text.slice(1)).replace(/^k8s:/, '')
  try {
    return { expression: new RegExp(`^(?:${body})`), keep }
  } catch (cause) {
    throw new Error(`label expression ${JSON.stringify(text)}: ${(cause as Error).message}`, { cause })
  }
}
