import { spawn } from 'node:child_process'
import { freePort } from './free-port.ts'
import { peer } from './peers.ts'
import { TemporaryFolder } from './temporary-folder.ts'

/** The real hubble-relay. */
export interface RunningRelay {
  /** `host:port` of its Observer. */
  server: string
  stop(): Promise<void>
}

/** Starts a relay without TLS that learns of its nodes from the peer service at `peers`. */
export async function startRelay(peers: string): Promise<RunningRelay> {
  const folder = new TemporaryFolder()
  const [listen, health] = await Promise.all([freePort(), freePort()])
  const server = `127.0.0.1:${listen}`
  const flags = ['--peer-service', peers, '--listen-address', server, '--gops=false']
  const plain = ['--disable-client-tls', '--disable-server-tls', '--health-listen-address', `127.0.0.1:${health}`]
  const child = spawn(peer('hubble-relay'), ['serve', ...flags, ...plain], { stdio: 'ignore', cwd: folder.path })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    // On SIGTERM it waits for streams of its own that never end.
    child.kill('SIGKILL')
    await ended
    folder.remove()
  }
  return { server, stop }
}
