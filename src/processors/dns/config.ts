import type { ConfigSpec, Problem } from '../../pipeline/component.ts'

/** Settings of the `dns` processor. Durations are milliseconds. */
export interface DnsConfig {
  query_timeout: number
  max_queries: number
  names: boolean
  cname_names: boolean
  min_ttl: number
  max_addresses: number
}

/** Tables are sets of this many places: sizes are rounded up to a power of 2 of them. */
export const WAYS = 8
const MOST = 1 << 22

export const dnsConfig: ConfigSpec<DnsConfig> = {
  schema: {
    query_timeout: { doc: 'how long a query waits for its answer', format: 'positive-duration', default: '10s' },
    max_queries: { doc: 'queries that wait at a time', format: 'positive-int', default: 16_384 },
    names: {
      doc: 'learn the names of addresses from answers and put them on later flows',
      format: Boolean,
      default: true,
    },
    cname_names: {
      doc: 'the targets of CNAME answers are names of the addresses, too',
      format: Boolean,
      default: false,
    },
    min_ttl: {
      doc: 'a name is kept for the TTL of its answer, but at least this long: connections outlive it',
      format: 'duration',
      default: '5m',
    },
    max_addresses: { doc: 'addresses whose names are known at a time', format: 'positive-int', default: 32_768 },
  },
  check: ({ max_queries, max_addresses }) => [
    ...checkSize('max_queries', max_queries),
    ...checkSize('max_addresses', max_addresses),
  ],
}

function checkSize(name: string, size: number): Problem[] {
  return size <= MOST ? [] : [{ path: [name], message: `must be ${MOST} or less` }]
}
