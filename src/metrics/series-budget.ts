/** How many series several families may have together. */
export class SeriesBudget {
  readonly limit: number
  /** Series that families have. */
  used = 0
  /** Grows whenever a full budget gets room again: what was refused before may be asked for again. */
  generation = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Takes room for one series. Returns false when there is none. */
  take(): boolean {
    if (this.used >= this.limit) return false
    this.used++
    return true
  }

  /** Gives the room of one series back. */
  give(): void {
    if (this.used >= this.limit) this.generation++
    this.used--
  }
}
