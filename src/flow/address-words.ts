import ipaddr from 'ipaddr.js'

/** The 4 words of an address as columns hold them; undefined when the text is none. A zone (`%eth0`) does not count. */
export function addressWords(text: string): Uint32Array<ArrayBuffer> | undefined {
  const bare = text.split('%')[0]!
  if (!ipaddr.isValid(bare)) return undefined
  const address = ipaddr.parse(bare)
  const v6 = address.kind() === 'ipv4' ? (address as ipaddr.IPv4).toIPv4MappedAddress() : (address as ipaddr.IPv6)
  return new Uint32Array(Uint8Array.from(v6.toByteArray()).buffer)
}
