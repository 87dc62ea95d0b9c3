import type { Logger } from 'pino'
import { type BuiltNode, nodeName } from './graph.ts'

/** Starting and stopping nodes, in order and within a deadline. */

/** What a component gets to let go when the deadline has passed before its turn came. */
const GRACE_MS = 250

/** Starts nodes one after the other. @throws Error `failed to start "x" exporter: …`; the rest is not started */
export async function startNodes(nodes: readonly BuiltNode[]): Promise<void> {
  for (const node of nodes) {
    node.tracker.report({ at: 'starting' })
    try {
      await node.component.start()
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      node.tracker.report({ at: 'permanent_error', error })
      throw new Error(`failed to start ${nodeName(node.plan)}: ${error.message}`, { cause })
    }
    if (node.tracker.view.status.at === 'starting') node.tracker.report({ at: 'ok' })
  }
}

/**
 * Stops nodes in the reverse of their start order: each drains into the next before that one is stopped. Nothing is
 * skipped: a component that fails or hangs is logged and the next one is stopped.
 * @param deadlineMs Unix milliseconds after which nobody is waited for any longer
 */
export async function stopNodes(nodes: readonly BuiltNode[], deadlineMs: number, log: Logger): Promise<boolean> {
  let clean = true
  for (const node of [...nodes].reverse()) {
    node.tracker.report({ at: 'stopping' })
    try {
      await before(node.component.shutdown(deadlineMs), deadlineMs)
      node.tracker.report({ at: 'stopped' })
    } catch (cause) {
      clean = false
      const error = cause instanceof Error ? cause : new Error(String(cause))
      node.tracker.report({ at: 'permanent_error', error })
      log.error({ err: error }, `Failed to shut down ${nodeName(node.plan)}`)
    }
  }
  return clean
}

async function before(pending: Promise<void>, deadlineMs: number): Promise<void> {
  const waitMs = Math.max(deadlineMs - Date.now(), 0) + GRACE_MS
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('still draining at the deadline, given up')), waitMs)
  try {
    await Promise.race([pending, late])
  } finally {
    clearTimeout(timer)
  }
}
