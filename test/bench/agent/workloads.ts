/** What the client does for the length of one run. */
export interface Workload {
  readonly name: string
  /** Workload of traffic.c. */
  readonly traffic: 'bulk' | 'rr' | 'crr' | 'flood' | 'dns'
  readonly segments: 'large' | 'mtu'
  /** Operations per second; 0 = as fast as it goes. */
  readonly rate: number
  /** What an operation is, and by what its number is divided for the table. */
  readonly unit: string
  readonly per: number
}

export const WORKLOADS: readonly Workload[] = [
  { name: 'bulk', traffic: 'bulk', segments: 'large', rate: 0, unit: 'Gbit/s', per: 1e9 / 8 },
  { name: 'bulkmtu', traffic: 'bulk', segments: 'mtu', rate: 0, unit: 'Gbit/s', per: 1e9 / 8 },
  { name: 'rr', traffic: 'rr', segments: 'large', rate: 0, unit: 'k/s', per: 1e3 },
  { name: 'crr', traffic: 'crr', segments: 'large', rate: 0, unit: 'k/s', per: 1e3 },
  { name: 'flood', traffic: 'flood', segments: 'large', rate: 0, unit: 'k/s', per: 1e3 },
  { name: 'dns', traffic: 'dns', segments: 'large', rate: 0, unit: 'k/s', per: 1e3 },
  { name: 'crr-paced', traffic: 'crr', segments: 'large', rate: 1_000, unit: 'k/s', per: 1e3 },
  { name: 'flood-paced', traffic: 'flood', segments: 'large', rate: 40_000, unit: 'k/s', per: 1e3 },
  { name: 'dns-paced', traffic: 'dns', segments: 'large', rate: 5_000, unit: 'k/s', per: 1e3 },
]
