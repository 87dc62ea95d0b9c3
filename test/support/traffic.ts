import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { NetworkNamespace } from './network-namespace.ts'
import type { NodeNetwork, Pod } from './node-network.ts'

/** Port of every {@link serve}: namespaces have ports of their own. */
export const ECHO_PORT = 7000

const PROCESS = fileURLToPath(new URL('./traffic-process.ts', import.meta.url))

/** Answers UDP and TCP at {@link ECHO_PORT} of a namespace. Ends with `kill()`. */
export async function serve(space: NetworkNamespace): Promise<ChildProcess> {
  const [program, args] = space.command(process.execPath, PROCESS, 'serve', String(ECHO_PORT))
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

/** Sends `datagrams` of `bytes` from each of `sockets` sockets of a pod. */
export function sendUdp(
  network: NodeNetwork,
  from: Pod,
  address: string,
  sockets: number,
  datagrams: number,
  bytes = 100,
) {
  send(network, from, 'udp', address, ECHO_PORT, sockets, datagrams, bytes)
}

/** Sends `bytes` over each of `connections` connections, one after the other, and reads them back. */
export function sendTcp(network: NodeNetwork, from: Pod, address: string, connections: number, bytes: number) {
  send(network, from, 'tcp', address, ECHO_PORT, connections, bytes)
}

/** A packet socket sends what follows as hex, one line a frame: Node has none. */
const SEND_FRAMES = `
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(('eth0', 0))
for frame in sys.argv[1:]: out.send(bytes.fromhex(frame))
`

/** Sends whole Ethernet frames out of a pod. */
export function sendFrames(network: NodeNetwork, from: Pod, frames: readonly Buffer[]) {
  network.run(from.namespace, 'python3', '-c', SEND_FRAMES, ...frames.map((frame) => frame.toString('hex')))
}

/** Sends `count` echo requests and waits for their answers. */
export function ping(network: NodeNetwork, from: Pod, address: string, count: number) {
  network.run(from.namespace, 'ping', '-q', '-c', String(count), '-i', '0.05', address)
}

function send(network: NodeNetwork, from: Pod, ...words: (string | number)[]) {
  network.run(from.namespace, process.execPath, PROCESS, ...words.map(String))
}
