import { type Metadata, status } from '@grpc/grpc-js'
import type { AgentEvent } from '../../flow/agent-event.ts'
import { EventLog } from '../../flow/event-log.ts'
import { agentEventMessage } from '../../hubble/agent-event-message.ts'
import { timestamp } from '../../hubble/timestamp.ts'
import { type EventSource, EventStream, type EventsCall } from './event-stream.ts'
import { InvalidRequestError } from './flow-query.ts'
import type { StreamLimit } from './stream-limit.ts'

export interface EventCallsContext {
  agentEvents: EventLog<AgentEvent>
  /** `[cluster/]node` */
  nodeName: string
  streams: StreamLimit
  /** Told of events that went before a client had read them. */
  lost(events: number): void
}

/**
 * Implementations of GetAgentEvents and GetDebugEvents.
 * @param version sent ahead of every answer
 */
export function eventCalls({ agentEvents, nodeName, streams, lost }: EventCallsContext, version: Metadata) {
  const call = <T>(source: EventSource<T>) => {
    return (events: EventsCall) => {
      events.sendMetadata(version)
      run(events, source, streams)
    }
  }
  return {
    GetAgentEvents: call<AgentEvent>({
      log: agentEvents,
      encode: ({ timeMs, event }) => ({
        agent_event: agentEventMessage(event),
        node_name: nodeName,
        time: timestamp(timeMs),
      }),
      lost,
    }),
    // What Cilium tells here its own dataplane makes: there is nothing to tell, and who follows goes on to wait.
    GetDebugEvents: call<never>({ log: new EventLog<never>(1), encode: ({ event }) => event, lost }),
  }
}

function run<T>(call: EventsCall, source: EventSource<T>, streams: StreamLimit): void {
  try {
    streams.run(call, new EventStream(call, source))
  } catch (error) {
    const code = error instanceof InvalidRequestError ? status.INVALID_ARGUMENT : status.UNKNOWN
    call.emit('error', { code, details: (error as Error).message })
  }
}
