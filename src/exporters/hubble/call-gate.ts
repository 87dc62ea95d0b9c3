import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js'
import type { BasicAuth } from '../../pipeline/settings/basic-auth.ts'
import { type ClientTable, clientOf, LOCAL_CLIENT } from '../../pipeline/settings/client-table.ts'
import type { ServerReports } from '../../pipeline/settings/server-reports.ts'
import type { CallMetrics } from './call-metrics.ts'
import type { RequestSlots } from './request-slots.ts'
import type { StreamLimit } from './stream-limit.ts'

/** What every call must pass. */
export interface GateSettings {
  clients: ClientTable
  streams: StreamLimit
  /** Undefined = no password is asked for. */
  auth: BasicAuth | undefined
  reports: ServerReports
  calls: CallMetrics
  /** Of calls with one request, and of those whose client goes on asking: these keep theirs to the end. */
  slots: { once: RequestSlots; many: RequestSlots }
  /** Told of streams that were one too many. */
  refusedStream(cause: 'limit' | 'client_limit'): void
}

interface Refusal {
  code: status
  details: string
}

/** Probes cannot send a password, and learn no more than that the server runs. */
const OPEN_SERVICE = '/grpc.health.v1.Health/'

/** A request that is not complete after this is given up: until then it keeps others waiting. */
const REQUEST_TIMEOUT_MS = 10_000

/** Refuses calls that are too many or without the password, before their request is read. */
export function callGate(settings: GateSettings): ServerInterceptor {
  return (method, call) => {
    const client = clientOf(call.getConnectionInfo().remoteAddress)
    settings.calls.count(method, call)
    countLargeMessages(call, () => settings.reports.refusedRequest('message_size', client))
    let counted = false
    let leave = () => {}
    const enter = (admit: () => void) => {
      if (method.requestStream) return settings.slots.many.enter(client, admit)
      let timer: NodeJS.Timeout | undefined
      const free = settings.slots.once.enter(client, () => {
        timer = setTimeout(() => giveUp(), REQUEST_TIMEOUT_MS).unref()
        admit()
      })
      return () => {
        clearTimeout(timer)
        free()
      }
    }
    const giveUp = () => {
      leave()
      settings.reports.refusedRequest('timeout', client)
      intercepted.sendStatus({ code: status.DEADLINE_EXCEEDED, details: 'the request did not come within 10 s' })
    }
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        const refusal =
          refusedRequest(settings, client, method.path, metadata) ??
          (method.responseStream ? refusedStream(settings, client) : undefined)
        if (refusal !== undefined) return intercepted.sendStatus(refusal)
        counted = method.responseStream
        leave = enter(() => next(metadata))
      })
      .withOnReceiveMessage((message, next) => {
        if (!method.requestStream) leave()
        next(message)
      })
      .withOnCancel(() => {
        // Also told of a call that ended well.
        leave()
        if (counted) settings.streams.closed(client)
        counted = false
      })
      .build()
    const intercepted = new ServerInterceptingCall(call, { start: (next) => next(listener) })
    return intercepted
  }
}

function refusedRequest(
  { clients, auth, reports }: GateSettings,
  client: string,
  path: string,
  metadata: Metadata,
): Refusal | undefined {
  if (!clients.request(client)) {
    reports.refusedRequest('rate', client)
    return { code: status.RESOURCE_EXHAUSTED, details: 'too many requests (setting per_client::requests_per_second)' }
  }
  if (auth === undefined || client === LOCAL_CLIENT || path.startsWith(OPEN_SERVICE)) return undefined
  if (auth.accepts(metadata.get('authorization')[0]?.toString())) return undefined
  reports.refusedRequest('unauthenticated', client)
  return { code: status.UNAUTHENTICATED, details: 'this server asks for a username and a password (basic auth)' }
}

function refusedStream({ streams, refusedStream }: GateSettings, client: string): Refusal | undefined {
  const cause = streams.open(client)
  if (cause === undefined) return undefined
  refusedStream(cause)
  const [whose, setting] =
    cause === 'limit' ? ['', 'max_concurrent_streams'] : [' of this client', 'per_client::max_concurrent_streams']
  return { code: status.RESOURCE_EXHAUSTED, details: `too many streams${whose} are open already (setting ${setting})` }
}

/** A message beyond `max_recv_msg_size_mib` is refused by the call below every interceptor, which tells nobody. */
function countLargeMessages(call: ServerInterceptingCallInterface, refused: () => void): void {
  const sendStatus = call.sendStatus.bind(call)
  call.sendStatus = (answer) => {
    if (answer.code === status.RESOURCE_EXHAUSTED && /^Received message/.test(answer.details ?? '')) refused()
    sendStatus(answer)
  }
}
