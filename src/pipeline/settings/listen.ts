import { lookup } from 'node:dns/promises'
import type { ListenOptions, Server } from 'node:net'

/** Listens. @throws Error with the code of the system, see {@link listenReason} */
export function listenOn(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Addresses of a host, IPv4 first: `localhost` must answer to programs that know only 127.0.0.1. `''` = every address. */
export async function listenAddresses(host: string): Promise<(string | undefined)[]> {
  if (host === '') return [undefined]
  return (await lookup(host, { all: true, order: 'ipv4first' })).map(({ address }) => address)
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use: another process has this port, or another component of this configuration',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'permission denied: ports below 1024 need CAP_NET_BIND_SERVICE',
  ENOTFOUND: 'no such host',
}

/** A person's words for why a socket could not be bound. */
export function listenReason(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  return REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause))
}
