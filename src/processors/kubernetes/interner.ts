import type { Workload } from '../../flow/endpoint.ts'
import { type Labels, labelsKey } from '../../kubernetes/security-labels.ts'

/** Entries of each kind; more are forgotten together, which costs memory but no correctness. */
const MOST = 20_000

/** One copy of what many objects have in common: every pod of a ReplicaSet has the same labels, node names are few. */
export class Interner {
  readonly #texts = new Map<string, string>()
  readonly #labels = new Map<string, Labels>()
  readonly #workloads = new Map<string, Workload>()

  text(text: string): string {
    return shared(this.#texts, text, text)
  }

  labels(labels: Labels): Labels {
    return shared(this.#labels, labelsKey(labels), labels)
  }

  workload(workload: Workload): Workload {
    return shared(this.#workloads, `${workload.kind}/${workload.name}`, workload)
  }
}

function shared<T>(known: Map<string, T>, key: string, fresh: T): T {
  const first = known.get(key)
  if (first !== undefined) return first
  if (known.size >= MOST) known.clear()
  known.set(key, fresh)
  return fresh
}
