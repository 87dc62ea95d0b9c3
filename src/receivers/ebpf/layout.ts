/**
 * Byte offsets in `struct fovea_event` (`bpf/include/event.h`), the header of every record. Host byte order;
 * `test/kernel/layout.test.ts` compares them with the BTF of the built objects.
 */
export const EVENT = {
  length: 0,
  kind: 2,
  ip_version: 3,
  ifindex: 4,
  time_ns: 8,
  source: 16,
  destination: 32,
  source_port: 48,
  destination_port: 50,
  protocol: 52,
  point: 53,
  direction: 54,
  reply: 55,
  bytes: 56,
  packets: 64,
  tcp_flags: 68,
  icmp_type: 70,
  icmp_code: 71,
  detail: 72,
  rtt_us: 76,
  location: 80,
  vlan: 88,
  report: 90,
  verdict: 91,
  payload_length: 92,
  payload_missing: 94,
} as const

/** `sizeof(struct fovea_event)`: the shortest record. */
export const EVENT_BYTES = 96
