import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Programs of others that tests run against; `scripts/build-peers.ts` builds them from test/peers/build. */
export type Peer =
  | 'hubble'
  | 'hubble-relay'
  | 'hubble-upstream'
  | 'otelcol'
  | 'prometheus'
  | 'promtool'
  | 'grpcurl'
  | 'etcd'
  | 'etcdctl'
  | 'kube-apiserver'
  | 'kubectl'
  | 'kwok'

/** Where the peers' programs lie: $FOVEA_PEERS, by default ~/.cache/fovea/peers. */
export const peersFolder = process.env.FOVEA_PEERS ?? join(homedir(), '.cache/fovea/peers')

/** Path of a peer's program. @throws Error that says how to build it */
export function peer(name: Peer): string {
  const path = join(peersFolder, name)
  if (!existsSync(path)) throw new Error(`no ${name} in ${peersFolder}: run node scripts/build-peers.ts ${name}`)
  return path
}

/** Whether all of these peers have been built. */
export function havePeers(...names: readonly Peer[]): boolean {
  return names.every((name) => existsSync(join(peersFolder, name)))
}
