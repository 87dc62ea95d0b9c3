/** The small text files of `/proc/net`, as numbers. Formats: net/ipv4/proc.c and net/ipv6/proc.c of the kernel. */

/** One number of a protocol: `TcpExt`, `ListenDrops`. */
export interface ProtocolStatistic {
  protocol: string
  name: string
  value: number
}

/** `snmp` and `netstat`: lines in pairs, names and then values, both led by the protocol. @throws Error that names the line */
export function parsePairs(text: string): ProtocolStatistic[] {
  const lines = text.split('\n').filter((line) => line !== '')
  const statistics: ProtocolStatistic[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const [protocol = '', ...names] = fields(lines[i])
    const [again, ...values] = fields(lines[i + 1])
    if (protocol !== again || names.length !== values.length)
      throw new Error(`line ${i + 2}: expected the values of ${protocol}`)
    names.forEach((name, at) => {
      statistics.push(statistic(protocol.slice(0, -1), name, values[at], i + 2))
    })
  }
  return statistics
}

const IPV6_NAME = /^(Ip6|Icmp6|UdpLite6|Udp6)(.+)$/

/** `snmp6`: a name, which begins with the protocol, and a value per line. @throws Error that names the line */
export function parseSnmp6(text: string): ProtocolStatistic[] {
  const statistics: ProtocolStatistic[] = []
  text.split('\n').forEach((line, at) => {
    const [name = '', value] = fields(line)
    const [, protocol, rest] = IPV6_NAME.exec(name) ?? []
    if (protocol !== undefined && rest !== undefined) statistics.push(statistic(protocol, rest, value, at + 1))
  })
  return statistics
}

/** `sockstat` and `sockstat6`: a protocol, then names and values in turn. @throws Error that names the line */
export function parseSockstat(text: string): ProtocolStatistic[] {
  const statistics: ProtocolStatistic[] = []
  text.split('\n').forEach((line, at) => {
    const [protocol = '', ...rest] = fields(line)
    for (let i = 0; i < rest.length; i += 2)
      statistics.push(statistic(protocol.slice(0, -1), rest[i] ?? '', rest[i + 1], at + 1))
  })
  return statistics
}

function fields(line = ''): string[] {
  return line.split(/\s+/).filter((field) => field !== '')
}

function statistic(protocol: string, name: string, text: string | undefined, line: number): ProtocolStatistic {
  const value = Number(text)
  if (text === undefined || !Number.isFinite(value)) throw new Error(`line ${line}: ${protocol} ${name} has no number`)
  return { protocol, name, value }
}
