import type { ClusterView } from '../../flow/cluster-view.ts'
import { agentEventMessage } from '../../hubble/agent-event-message.ts'
import { messageType } from '../../hubble/definition.ts'
import { timestamp } from '../../hubble/timestamp.ts'
import { isAgentEvent, type OfType } from './event-filter.ts'

/**
 * Hands over every agent event from now on, encoded as `observer.ExportEvent`. Returns a function that ends that.
 * @param nodeName without cluster, as Hubble has it for other things than flows
 */
export function watchAgentEvents(
  { events }: ClusterView,
  nodeName: string,
  take: (event: Uint8Array, ofType: OfType) => void,
): () => void {
  const { serialize } = messageType('observer.ExportEvent')
  let sequence = events.next
  return events.listen(() => {
    for (; sequence < events.next; sequence++) {
      const { event, timeMs } = events.get(sequence)
      const agent_event = agentEventMessage(event) as { type: number }
      take(serialize({ agent_event, node_name: nodeName, time: timestamp(timeMs) }), isAgentEvent(agent_event.type))
    }
  })
}
