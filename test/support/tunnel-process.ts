/** `LISTEN TARGET`: takes connections and passes each on. Each is a port of 127.0.0.1 in its namespace, or a unix socket. Says `ready`. */
import net from 'node:net'

const [listen = '', to = ''] = process.argv.slice(2)
const server = net.createServer((client) => {
  const target = net.connect(place(to))
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
server.listen(place(listen), () => console.log('ready'))

function place(text: string): net.NetConnectOpts & net.ListenOptions {
  return /^\d+$/.test(text) ? { port: Number(text), host: '127.0.0.1' } : { path: text }
}
