/**
 * Holds as many TCP connections to itself as its argument says, two sockets each; prints a line when they stand, and ends
 * with its standard input.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** More at a time would fill the queue of the listening socket. */
const AT_A_TIME = 200

const wanted = Number(process.argv[2])
const held: Socket[] = []
const server = createServer((socket) => held.push(socket))
server.listen(0, '127.0.0.1', 2 * AT_A_TIME)
await once(server, 'listening')
const { port } = server.address() as AddressInfo

for (let made = 0; made < wanted; made += AT_A_TIME) {
  const clients = Array.from({ length: Math.min(AT_A_TIME, wanted - made) }, () => connect(port, '127.0.0.1'))
  held.push(...clients)
  await Promise.all(clients.map((client) => once(client, 'connect')))
}
while (held.length < 2 * wanted) await new Promise(setImmediate)
console.log('ready')
process.stdin.resume().once('end', () => process.exit())
