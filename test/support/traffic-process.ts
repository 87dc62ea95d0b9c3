/**
 * Traffic inside a namespace. `serve PORT`: answers UDP and TCP with what it gets, says `ready`, runs until it is killed.
 * `udp ADDRESS PORT SOCKETS DATAGRAMS BYTES`: so many datagrams from each of so many sockets, one at a time.
 * `tcp ADDRESS PORT CONNECTIONS BYTES`: one connection after the other, each sends so many bytes and reads them back.
 */
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'

const [mode, ...words] = process.argv.slice(2)
switch (mode) {
  case 'serve':
    await serve(Number(words[0]))
    break
  case 'udp':
    await sendUdp(words[0] ?? '', words.slice(1).map(Number))
    break
  case 'tcp':
    await sendTcp(words[0] ?? '', words.slice(1).map(Number))
    break
  default:
    throw new Error(`unknown mode ${mode}`)
}

async function serve(port: number): Promise<void> {
  const udp = dgram.createSocket('udp6')
  udp.on('message', (message, from) => udp.send(message, from.port, from.address))
  udp.bind(port, '::')
  const tcp = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket).on('error', () => {}))
  tcp.listen(port, '::')
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
  console.log('ready')
}

async function sendUdp(address: string, [port = 0, sockets = 1, datagrams = 1, bytes = 0]: number[]): Promise<void> {
  const payload = new Uint8Array(bytes)
  for (let i = 0; i < sockets; i++) {
    const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4')
    for (let n = 0; n < datagrams; n++) await new Promise((resolve) => socket.send(payload, port, address, resolve))
    socket.close()
  }
}

async function sendTcp(address: string, [port = 0, connections = 1, bytes = 0]: number[]): Promise<void> {
  for (let i = 0; i < connections; i++) {
    const socket = net.connect(port, address)
    let received = 0
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.end(new Uint8Array(bytes))
    await once(socket, 'close')
    if (received !== bytes) throw new Error(`${received} of ${bytes} bytes came back`)
  }
}
