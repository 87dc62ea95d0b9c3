import { Verdict } from '../../flow/enums.ts'

/** Paints a part of a line. */
export type Paint = (text: string) => string

/** The colours of `hubble observe`, by part of a line. */
export interface Colors {
  host: Paint
  port: Paint
  identity: Paint
  verdict(verdict: number): Paint
}

const plain: Paint = (text) => text
const ansi =
  (code: number): Paint =>
  (text) =>
    `\x1b[${code}m${text}\x1b[0m`

const RED = ansi(31)
const GREEN = ansi(32)
const YELLOW = ansi(33)

const VERDICTS: Readonly<Record<number, Paint>> = {
  [Verdict.FORWARDED]: GREEN,
  [Verdict.REDIRECTED]: GREEN,
  [Verdict.DROPPED]: RED,
  [Verdict.ERROR]: RED,
  [Verdict.AUDIT]: YELLOW,
  [Verdict.TRACED]: YELLOW,
  [Verdict.TRANSLATED]: YELLOW,
}

export const COLORED: Colors = {
  host: ansi(36),
  port: YELLOW,
  identity: ansi(35),
  verdict: (verdict) => VERDICTS[verdict] ?? plain,
}

export const PLAIN: Colors = { host: plain, port: plain, identity: plain, verdict: () => plain }
