import { type ServerInterceptingCallInterface, type ServerMethodDefinition, status } from '@grpc/grpc-js'
import type { Family } from '../../metrics/family.ts'
import type { Telemetry } from '../../pipeline/telemetry.ts'

type Method = ServerMethodDefinition<unknown, unknown>

const LABELS = ['grpc_type', 'grpc_service', 'grpc_method']

/** Series of one method. */
interface MethodSeries {
  labels: readonly string[]
  started: number
  received: number
  sent: number
}

/**
 * Counts calls under the names of go-grpc-prometheus, which dashboards of Hubble ask for: `grpc_server_started_total`,
 * `_handled_total`, `_msg_received_total`, `_msg_sent_total`. Only methods that exist come here, so the series are few.
 */
export class CallMetrics {
  readonly #started: Family
  readonly #handled: Family
  readonly #received: Family
  readonly #sent: Family
  readonly #methods = new Map<string, MethodSeries>()

  constructor(telemetry: Telemetry) {
    const counter = (name: string, help: string, labels = LABELS) =>
      telemetry.family({ name: `grpc_server_${name}_total`, help, kind: 'counter', labels })
    this.#started = counter('started', 'Calls begun on the server.')
    this.#handled = counter('handled', 'Calls ended on the server, however they did.', [...LABELS, 'grpc_code'])
    this.#received = counter('msg_received', 'Messages of calls that the server received.')
    this.#sent = counter('msg_sent', 'Messages of calls that the server sent.')
  }

  /** Counts a call from now on. In the call itself: a layer of its own would cost every flow that is sent. */
  count(method: Method, call: ServerInterceptingCallInterface): void {
    const series = this.#seriesOf(method)
    this.#started.add(series.started, 1)
    const end = this.#ending(series.labels)
    const [start, sendMessage, sendStatus] = [
      call.start.bind(call),
      call.sendMessage.bind(call),
      call.sendStatus.bind(call),
    ]
    call.sendMessage = (message, callback) => {
      this.#sent.add(series.sent, 1)
      sendMessage(message, callback)
    }
    call.sendStatus = (answer) => {
      end(answer.code ?? status.UNKNOWN)
      sendStatus(answer)
    }
    call.start = (listener) =>
      start({
        onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
        onReceiveMessage: (message) => {
          this.#received.add(series.received, 1)
          listener.onReceiveMessage(message)
        },
        onReceiveHalfClose: () => listener.onReceiveHalfClose(),
        onCancel: () => {
          end(status.CANCELLED)
          listener.onCancel()
        },
      })
  }

  /** A call ends once: with a status, or without one when its client goes. */
  #ending(labels: readonly string[]): (code: status) => void {
    let ended = false
    return (code) => {
      if (ended) return
      ended = true
      this.#handled.add(this.#handled.series(...labels, codeName(code)), 1)
    }
  }

  #seriesOf(method: Method): MethodSeries {
    const known = this.#methods.get(method.path)
    if (known !== undefined) return known
    const [, service = '', name = ''] = method.path.split('/')
    const labels = [callType(method), service, name]
    const made = {
      labels,
      started: this.#started.series(...labels),
      received: this.#received.series(...labels),
      sent: this.#sent.series(...labels),
    }
    this.#methods.set(method.path, made)
    return made
  }
}

function callType({ requestStream, responseStream }: Method): string {
  if (requestStream) return responseStream ? 'bidi_stream' : 'client_stream'
  return responseStream ? 'server_stream' : 'unary'
}

/** As Go's gRPC names them: `ResourceExhausted`, `OK`, `Canceled`. */
function codeName(code: status): string {
  if (code === status.OK) return 'OK'
  if (code === status.CANCELLED) return 'Canceled'
  const name = status[code] ?? 'UNKNOWN'
  return name
    .toLowerCase()
    .split('_')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('')
}
