import type { HubbleConfig } from '../../src/exporters/hubble/config.ts'
import type { HubbleReceiverConfig } from '../../src/receivers/hubble/config.ts'
import { freePort } from './free-port.ts'
import { type RunningHubble, startHubble } from './hubble.ts'
import { type Gateway, startGateway } from './hubble-gateway.ts'
import type { Sink } from './sink.ts'

/** Agents and a gateway in front of them, of one test. */
export class GatewaySources {
  readonly #agents: RunningHubble[] = []
  #gateway: Gateway | undefined

  /** An agent that serves until {@link stop}. */
  async agent(settings: Partial<HubbleConfig> = {}, node = 'node-1'): Promise<RunningHubble> {
    const started = await startHubble(settings, node)
    this.#agents.push(started)
    return started
  }

  /** Two agents at one port, as the pods of a DaemonSet have it; the first one knows the second. */
  async cluster(settings: Partial<HubbleConfig> = {}): Promise<[RunningHubble, RunningHubble]> {
    const port = await freePort()
    const first = await this.agent({ ...settings, endpoint: `127.0.0.1:${port}` })
    const second = await this.agent({ ...settings, endpoint: `127.0.0.2:${port}` }, 'node-2')
    first.endpoints.cluster.setPeer({ node: 'node-2', address: '127.0.0.2' })
    return [first, second]
  }

  /** The one gateway of a test. */
  async gate(settings: Partial<HubbleReceiverConfig>): Promise<Gateway> {
    this.#gateway = await startGateway(settings)
    return this.#gateway
  }

  async stop(): Promise<void> {
    await this.#gateway?.stop()
    this.#gateway = undefined
    for (const agent of this.#agents.splice(0)) await agent.stop()
  }
}

/** The node that told of each flow. */
export function nodeNames(sink: Sink): string[] {
  return sink.rows((batch, row) => batch.foreign?.nodeName(row) ?? '')
}
