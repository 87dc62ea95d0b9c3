/** What a Unicode class costs to compile, in instructions; and a wide range of characters of any case, each of which is folded. */
const UNICODE_CLASS = 40
const WIDE_FOLDED_CLASS = 600

/** A part of an expression, as it is read. */
interface Level {
  size: number
  /** Of what a repetition would repeat. */
  last: number
}

const REPEAT = /\{(\d+)(?:,(\d*))?\}/y
const UNICODE = /\\[pP](?:\{[^}]*\}|.)?/sy
const CODE = /\\(?:x\{[^}]*\}|.)?/sy
const QUOTED = /\\Q(.*?)(?:\\E|$)/sy
const PLAIN_GROUP = /\(\?[a-zA-Z-]*:/y
const CLASS = /\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]?/sy
const FOLDS = /\(\?[a-zA-Z]*i/
const WIDE = /-(?:\\x\{|[^ -~])/

/**
 * How much work it is to compile an expression: about the instructions of its program, before there is one. Repetitions make
 * half a million of 4,096 characters, and a gigabyte.
 */
export function regexpSize(pattern: string): number {
  const folds = FOLDS.test(pattern)
  const levels: Level[] = [{ size: 0, last: 0 }]
  let classes = 0
  for (let at = 0; at < pattern.length; ) {
    const level = levels.at(-1)!
    const found = (regexp: RegExp) => {
      regexp.lastIndex = at
      return regexp.exec(pattern)
    }
    const atom = (size: number, length: number) => {
      level.size += size
      level.last = size
      at += length
    }
    const repeat = pattern[at] === '{' ? found(REPEAT) : null
    const quoted = found(QUOTED)
    if (repeat !== null) {
      const times = Math.max(Number(repeat[1]), Number(repeat[2] ?? 0), 1)
      level.size += level.last * (times - 1)
      level.last *= times
      at += repeat[0].length
    } else if (quoted !== null) {
      atom(quoted[1]!.length, quoted[0].length)
      level.last = 1
    } else if (pattern[at] === '(') {
      const plain = found(PLAIN_GROUP)
      levels.push({ size: plain === null ? 2 : 0, last: 0 })
      at += plain?.[0].length ?? 1
    } else if (pattern[at] === ')' && levels.length > 1) {
      levels.pop()
      const outer = levels.at(-1)!
      outer.size += level.size
      outer.last = level.size
      at++
    } else if (pattern[at] === '[') {
      const text = found(CLASS)![0]
      classes += classSize(text, folds)
      atom(1, text.length)
    } else if (pattern[at] === '\\') {
      const unicode = found(UNICODE)
      classes += unicode === null ? 0 : UNICODE_CLASS
      atom(1, (unicode ?? found(CODE)!)[0].length)
    } else atom(1, 1)
  }
  return levels.reduce((size, level) => size + level.size, classes)
}

function classSize(text: string, folds: boolean): number {
  const unicode = text.split(/\\[pP]/).length - 1
  return UNICODE_CLASS * unicode + (folds && WIDE.test(text) ? WIDE_FOLDED_CLASS : 0)
}
