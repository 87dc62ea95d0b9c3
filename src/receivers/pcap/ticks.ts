/** Timestamps of captures: 64-bit counts of ticks since 1970, in two 32-bit halves. */

/** How long a tick is: `prescale` ticks are one counted unit, of which `perSecond` make a second. Structured-cloneable. */
export interface TickRate {
  prescale: number
  perSecond: number
}

export const MICROSECONDS: TickRate = { prescale: 1, perSecond: 1e6 }
export const NANOSECONDS: TickRate = { prescale: 1, perSecond: 1e9 }

/**
 * The rate of pcapng's `if_tsresol`: a power of 10, or of 2 when the highest bit is set. Finer ticks than 10^-9 or
 * 2^-32 s are cut down to those. Returns undefined for a resolution that 64 bits cannot hold (beyond 10^-18 and 2^-63).
 */
export function tickRate(resolution: number): TickRate | undefined {
  const exponent = resolution & 0x7f
  if (resolution & 0x80) {
    if (exponent > 63) return undefined
    const fine = Math.max(0, exponent - 32)
    return { prescale: 2 ** fine, perSecond: 2 ** (exponent - fine) }
  }
  if (exponent > 18) return undefined
  const fine = Math.max(0, exponent - 9)
  return { prescale: 10 ** fine, perSecond: 10 ** (exponent - fine) }
}

/** Splits 64-bit tick counts into whole seconds and nanoseconds without losing a digit to floating point. */
export class TickSplitter {
  seconds = 0
  nanos = 0
  readonly #limbs = new Float64Array(4)

  split(high: number, low: number, rate: TickRate): void {
    const limbs = this.#limbs
    limbs[0] = high >>> 16
    limbs[1] = high & 0xffff
    limbs[2] = low >>> 16
    limbs[3] = low & 0xffff
    if (rate.prescale > 1) this.#divide(rate.prescale)
    const rest = this.#divide(rate.perSecond)
    this.seconds = limbs[2]! * 0x10000 + limbs[3]!
    this.nanos = rate.perSecond === 1e9 ? rest : Math.floor((rest / rate.perSecond) * 1e9)
  }

  /** Long division of the limbs by at most 2^32, so that no step exceeds 2^48. @returns the remainder */
  #divide(divisor: number): number {
    let rest = 0
    for (let i = 0; i < 4; i++) {
      const value = rest * 0x10000 + this.#limbs[i]!
      const quotient = Math.floor(value / divisor)
      this.#limbs[i] = quotient
      rest = value - quotient * divisor
    }
    return rest
  }
}
