import { HubbleExporter } from '../../src/exporters/hubble/exporter.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleReceiverConfig, hubbleReceiverConfig } from '../../src/receivers/hubble/config.ts'
import { HubbleReceiver } from '../../src/receivers/hubble/receiver.ts'
import { createContext, ownMetric, type RecordingContext } from './create-context.ts'
import { eventually } from './eventually.ts'
import { hubbleSettings } from './hubble.ts'
import { Sink } from './sink.ts'

/** A hubble receiver that feeds a hubble exporter and a sink. */
export interface Gateway {
  receiver: HubbleReceiver
  context: RecordingContext
  endpoints: EndpointTable
  /** What the receiver handed on. */
  sink: Sink
  /** For the CLI's `--server`. */
  server: string
  /** One of the receiver's own metrics, without its prefix. */
  metric(name: string, labels?: Readonly<Record<string, string>>): number
  /** Resolves once so many observers are connected. */
  connected(observers?: number): Promise<void>
  stop(): Promise<void>
}

/** The receiver's settings: defaults in plain text, quick to try again, changed by `settings`. */
export function receiverSettings(settings: Partial<HubbleReceiverConfig>): HubbleReceiverConfig {
  const defaults = defaultsOf(hubbleReceiverConfig.schema) as unknown as HubbleReceiverConfig
  const tls = { ...defaults.tls, insecure: true }
  return { ...defaults, tls, headers: {}, retry: { initial_interval: 50, max_interval: 200 }, ...settings }
}

/** Starts a gateway: node name `gateway`. */
export async function startGateway(settings: Partial<HubbleReceiverConfig>): Promise<Gateway> {
  const endpoints = new EndpointTable()
  const context = Object.assign(createContext('receiver', 'hubble'), { endpoints, nodeName: 'gateway' })
  const exporter = new HubbleExporter({ ...context, kind: 'exporter' }, hubbleSettings())
  await exporter.start()
  const sink = new Sink()
  const next = {
    mutates: false,
    consume: (batch: Parameters<Sink['consume']>[0]) => {
      exporter.consume(batch)
      return sink.consume(batch)
    },
  }
  const receiver = new HubbleReceiver(context, receiverSettings(settings), next)
  await receiver.start()
  const metric = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    ownMetric(context, `fovea_hubble_receiver_${name}`, { receiver: 'hubble', ...labels })
  return {
    receiver,
    context,
    endpoints,
    sink,
    server: exporter.endpoint,
    metric,
    connected: async (observers = 1) => {
      await eventually(
        `${observers} observers to be connected`,
        () => metric('connected_observers') === observers || undefined,
      )
    },
    stop: async () => {
      await receiver.shutdown(Date.now() + 2_000)
      await exporter.shutdown(Date.now() + 2_000)
    },
  }
}
