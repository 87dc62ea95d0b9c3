import { globSync } from 'node:fs'
import { root } from './checkout.ts'

/** Markdown that users read, as paths below the checkout: README.md, docs/ and the README of every component. */
export function documents(): string[] {
  return globSync(['README.md', 'docs/*.md', 'src/**/README.md', 'bpf/README.md'], { cwd: root }).sort()
}
