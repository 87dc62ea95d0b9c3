import type { ComponentId, ComponentView, Kind, Status } from './component.ts'

/** Which status may follow which: the Collector's state machine (`docs/component-status.md` there). */
const NEXT: Readonly<Record<Status['at'], readonly Status['at'][]>> = {
  starting: ['ok', 'recoverable_error', 'permanent_error', 'fatal_error', 'stopping'],
  ok: ['ok', 'recoverable_error', 'permanent_error', 'fatal_error', 'stopping'],
  recoverable_error: ['ok', 'recoverable_error', 'permanent_error', 'fatal_error', 'stopping'],
  permanent_error: ['stopping'],
  fatal_error: [],
  stopping: ['recoverable_error', 'permanent_error', 'fatal_error', 'stopped'],
  stopped: [],
}

/** A component's current status, and who wants to know when it changes. */
export class StatusTracker {
  readonly view: ComponentView
  #changed: (view: ComponentView) => void
  #clock: () => number

  constructor(
    component: { id: ComponentId; kind: Kind; pipelines: readonly string[] },
    changed: (view: ComponentView) => void,
    clock: () => number = Date.now,
  ) {
    this.view = { ...component, status: { at: 'starting' }, sinceMs: clock() }
    this.#changed = changed
    this.#clock = clock
  }

  /** Takes a new status over if it may follow the current one. */
  report(status: Status): void {
    if (!NEXT[this.view.status.at].includes(status.at)) return
    const same = this.view.status.at === status.at
    this.view.status = status
    if (!same) this.view.sinceMs = this.#clock()
    this.#changed(this.view)
  }
}
