import type { SecureContextOptions } from 'node:tls'
import { type CallCredentials, ChannelCredentials } from '@grpc/grpc-js'
import { FileReload, type Loaded, type ReloadEvents } from './file-reload.ts'

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>
type ConnectorParameters = Parameters<ChannelCredentials['_createSecureConnector']>

export interface ReloadingSettings {
  load(): Promise<Loaded<SecureContextOptions>>
  create(options: SecureContextOptions): ChannelCredentials
  /** Files older than this are read again before a connection is made. */
  intervalMs: number
  events: ReloadEvents
}

/** TLS credentials of a gRPC channel whose new connections use new files; connections that are open stay as they are. */
export class ReloadingCredentials extends ChannelCredentials {
  readonly #reload: FileReload<SecureContextOptions>
  readonly #intervalMs: number
  #current: ChannelCredentials
  #lookedMs = performance.now()

  constructor(first: Loaded<SecureContextOptions>, { load, create, intervalMs, events }: ReloadingSettings) {
    super()
    this.#intervalMs = intervalMs
    this.#current = create(first.content)
    const apply = (options: SecureContextOptions) => {
      this.#current = create(options)
    }
    this.#reload = new FileReload('tls', first, { load, apply, events })
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(
    target: ConnectorParameters[0],
    options: ConnectorParameters[1],
    call?: CallCredentials,
  ): Connector {
    // gRPC makes one connector for all attempts at an address, so it must not keep a context.
    const connector = () => this.#current._createSecureConnector(target, options, call)
    return {
      connect: async (socket) => {
        await this.#refresh()
        return await connector().connect(socket)
      },
      waitForReady: () => connector().waitForReady(),
      getCallCredentials: () => connector().getCallCredentials(),
      destroy: () => {},
    }
  }

  async #refresh(): Promise<void> {
    if (performance.now() - this.#lookedMs < this.#intervalMs) return
    this.#lookedMs = performance.now()
    await this.#reload.look()
  }
}
