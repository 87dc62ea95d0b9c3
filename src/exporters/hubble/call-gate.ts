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
import type { StreamLimit } from './stream-limit.ts'

/** What every call must pass. */
export interface GateSettings {
  clients: ClientTable
  streams: StreamLimit
  /** Undefined = no password is asked for. */
  auth: BasicAuth | undefined
  reports: ServerReports
  calls: CallMetrics
  /** Told of streams that were one too many. */
  refusedStream(cause: 'limit' | 'client_limit'): void
}

interface Refusal {
  code: status
  details: string
}

/** Probes cannot send a password, and learn no more than that the server runs. */
const OPEN_SERVICE = '/grpc.health.v1.Health/'

/** Refuses calls that are too many or without the password, before their request is read. */
export function callGate(settings: GateSettings): ServerInterceptor {
  return (method, call) => {
    const client = clientOf(call.getConnectionInfo().remoteAddress)
    settings.calls.count(method, call)
    countLargeMessages(call, () => settings.reports.refusedRequest('message_size', client))
    let counted = false
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        const refusal =
          refusedRequest(settings, client, method.path, metadata) ??
          (method.responseStream ? refusedStream(settings, client) : undefined)
        if (refusal !== undefined) return intercepted.sendStatus(refusal)
        counted = method.responseStream
        next(metadata)
      })
      .withOnCancel(() => {
        // Also told of a call that ended well.
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
