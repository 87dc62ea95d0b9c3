import { REDACTED, type Redactor } from './redacted.ts'
import { lengthField, type MessageRules, type Rewrite, rewriteMessage } from './rewrite-message.ts'

/** Field numbers: `src/hubble/proto/flow/flow.proto`. */

const utf8 = new TextEncoder()
const decoder = new TextDecoder()

/** Rewrites flows of other observers, which leave as the bytes they came in. */
export class FlowRewriter {
  readonly #rules: MessageRules
  readonly #summaryRules: MessageRules
  /** What was replaced in the flow at hand: the summary may say it again. */
  #replaced: { from: string; to: string; name: boolean }[] = []

  constructor(redactor: Redactor) {
    const name = this.#text((text) => redactor.names(text), true)
    const url = this.#text((text) => redactor.url(text), false)
    const header = headerRewrite(redactor)
    const dns = within(
      [
        [1, name],
        [4, name],
      ],
      [1, 2, 3, 4, 5, 6, 7, 8],
    )
    const http = within(
      [
        [3, url],
        [5, header],
      ],
      [1, 2, 3, 4, 5],
    )
    const layer7 = within(
      [
        [100, dns],
        [101, http],
      ],
      [1, 2, 100, 101, 102],
    )
    this.#rules = {
      rewrite: new Map([
        [13, name],
        [14, name],
        [15, layer7],
      ]),
      known: undefined,
    }
    this.#summaryRules = { rewrite: new Map([[100_000, (value) => this.#summary(value)]]), known: undefined }
  }

  /** An encoded `flow.Flow` without what must not leave; the same object where there was nothing. @throws MalformedError */
  rewrite(flow: Uint8Array): Uint8Array {
    this.#replaced = []
    const rewritten = rewriteMessage(flow, this.#rules)
    return this.#replaced.length === 0 ? rewritten : rewriteMessage(rewritten, this.#summaryRules)
  }

  #text(redact: (text: string) => string, name: boolean): Rewrite {
    return (value) => {
      const from = decoder.decode(value)
      const to = redact(from)
      if (to === from) return value
      this.#replaced.push({ from, to, name })
      return utf8.encode(to)
    }
  }

  /** The summary repeats URL and names in its own sentence. What it says in another form takes all of it away. */
  #summary(value: Uint8Array): Uint8Array {
    const before = decoder.decode(value)
    let after = before
    // The longest first: one may be part of another.
    for (const { from, to } of this.#replaced.toSorted((a, b) => b.from.length - a.from.length)) {
      if (from !== '') after = after.replaceAll(from, () => to)
    }
    const lower = after.toLowerCase()
    const leaks = this.#replaced.some(({ from, name }) => (name ? lower.includes(bare(from)) : !before.includes(from)))
    return utf8.encode(leaks ? REDACTED : after)
  }
}

function bare(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** Rewrites within a message and leaves out what is not known of it. */
function within(rules: readonly (readonly [number, Rewrite])[], known: readonly number[]): Rewrite {
  const message: MessageRules = { rewrite: new Map(rules), known: new Set(known) }
  return (value) => rewriteMessage(value, message)
}

/** `flow.HTTPHeader`: key 1, value 2. */
function headerRewrite(redactor: Redactor): Rewrite {
  return (header) => {
    let [key, value] = ['', '']
    const read =
      (take: (text: string) => void): Rewrite =>
      (bytes) => {
        take(decoder.decode(bytes))
        return bytes
      }
    const readKey = read((text) => {
      key = text
    })
    const readValue = read((text) => {
      value = text
    })
    const rest = within(
      [
        [1, readKey],
        [2, readValue],
      ],
      [1, 2],
    )(header)
    const clean = redactor.header(key, value)
    if (clean === value) return rest
    return Buffer.concat([lengthField(1, utf8.encode(key)), lengthField(2, utf8.encode(clean))])
  }
}
