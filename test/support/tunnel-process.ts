/** `PORT SOCKET`: takes connections at 127.0.0.1:PORT of its namespace and passes each on to a unix socket. Says `ready`. */
import net from 'node:net'

const [port, path] = process.argv.slice(2)
const server = net.createServer((client) => {
  const target = net.connect(path ?? '')
  client.pipe(target).pipe(client)
  // One end gone is both gone.
  for (const end of [client, target])
    end
      .on('error', () => {})
      .on('close', () => {
        client.destroy()
        target.destroy()
      })
})
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
