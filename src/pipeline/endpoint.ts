/** Addresses of servers and peers: `host:port`, IPv6 in brackets, an empty host for every local address. */

export interface Endpoint {
  /** Without brackets; `''` = every local address. */
  host: string
  port: number
}

/** @throws Error that says what is wrong with `text`, in the words of Go's `net.SplitHostPort` */
export function parseEndpoint(text: string): Endpoint {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)
  if (scheme !== null) throw new Error(`no "${scheme[0]}" in an address, write host:port`)
  const bracket = /^\[([^\]]*)\](.*)$/.exec(text)
  const colon = bracket === null ? text.lastIndexOf(':') : 0
  const host = bracket?.[1] ?? text.slice(0, Math.max(colon, 0))
  const rest = bracket?.[2] ?? text.slice(colon)
  if (colon < 0 || !rest.startsWith(':')) throw new Error('missing port in address, write host:port')
  if (bracket === null && host.includes(':')) {
    throw new Error('too many colons in address, write an IPv6 address in brackets: [::1]:4317')
  }
  if (/[\s/]/.test(host)) throw new Error(`bad host ${JSON.stringify(host)}`)
  const digits = rest.slice(1)
  const port = Number(digits)
  if (!/^\d+$/.test(digits) || port > 65_535) {
    throw new Error(`bad port ${JSON.stringify(digits)}, ports are 0 to 65535`)
  }
  return { host, port }
}

/** `host:port`, IPv6 in brackets. */
export function formatEndpoint(endpoint: Endpoint): string {
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
  return `${host}:${endpoint.port}`
}

/** The endpoint as a person reaches it from this machine: every-address binds become `localhost`. */
export function reachableEndpoint(endpoint: Endpoint): string {
  const everywhere = ['', '0.0.0.0', '::'].includes(endpoint.host)
  return formatEndpoint({ host: everywhere ? 'localhost' : endpoint.host, port: endpoint.port })
}

/** Whether only this machine reaches a server that listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}
