import { writePair } from '../../src/cli/certs-files.ts'
import { Authority, type Leaf } from '../../src/cli/certs-issue.ts'

/** Half an hour ago, in days from now. */
export const EXPIRED = -1 / 48

const SERVER: Leaf = {
  commonName: 'server',
  dns: ['*.default.hubble-grpc.cilium.io', 'localhost'],
  ips: ['127.0.0.1'],
  usages: ['server'],
}
const RELAY: Leaf = { commonName: 'relay', dns: ['*.hubble-relay.cilium.io'], ips: [], usages: ['server', 'client'] }
const CLIENT: Leaf = { commonName: 'client', dns: ['client'], ips: [], usages: ['client'] }

/** Files of a certificate. */
export interface PairFiles {
  cert: string
  key: string
}

/** An authority whose certificates a test writes into a folder of its own, in every state of health. */
export class TestAuthority {
  readonly #folder: string
  readonly #authority: Authority
  /** File of its certificate. */
  readonly ca: string

  private constructor(folder: string, authority: Authority, ca: string) {
    this.#folder = folder
    this.#authority = authority
    this.ca = ca
  }

  /** @param folder made where it is not there */
  static async create(folder: string): Promise<TestAuthority> {
    const { authority, pair } = await Authority.create('test authority', 1)
    const [ca = ''] = await writePair(folder, 'ca', pair)
    return new TestAuthority(folder, authority, ca)
  }

  /** Certificate of an agent. Written again, it is another one in the same files. */
  server(name = 'server', days = 1): Promise<PairFiles> {
    return this.#write(name, SERVER, days)
  }

  client(name = 'client', days = 1): Promise<PairFiles> {
    return this.#write(name, CLIENT, days)
  }

  relay(): Promise<PairFiles> {
    return this.#write('relay', RELAY, 1)
  }

  async #write(name: string, leaf: Leaf, days: number): Promise<PairFiles> {
    const [cert = '', key = ''] = await writePair(this.#folder, name, await this.#authority.issue(leaf, days))
    return { cert, key }
  }
}
