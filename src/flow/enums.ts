/**
 * Numbers of the Hubble API that columns hold (`flow/flow.proto`, Cilium 1.19), and our own record kinds.
 * Plain objects instead of `enum`: the files run with types stripped.
 */

/** `flow.Verdict`. */
export const Verdict = {
  UNKNOWN: 0,
  FORWARDED: 1,
  DROPPED: 2,
  ERROR: 3,
  AUDIT: 4,
  REDIRECTED: 5,
  TRACED: 6,
  TRANSLATED: 7,
} as const

/** `flow.FlowType`. */
export const FlowType = { UNKNOWN: 0, L3_L4: 1, L7: 2, SOCK: 3 } as const

/** `flow.TrafficDirection`. */
export const Direction = { UNKNOWN: 0, INGRESS: 1, EGRESS: 2 } as const

/** Column `isReply`: `flow.Flow.is_reply` is a wrapper, so "absent" is a value of its own. */
export const Reply = { UNKNOWN: 0, NO: 1, YES: 2 } as const

/** `event_type.type`: numbers of Cilium's monitor. */
export const EventType = { DROP: 1, DEBUG: 2, CAPTURE: 3, TRACE: 4, POLICY_VERDICT: 5, TRACE_SOCK: 7, L7: 129 } as const

/** `event_type.sub_type` of a trace. To-endpoint is 0 here and 101 in `TraceObservationPoint`. */
export const TraceSubType = { TO_ENDPOINT: 0, TO_STACK: 3, FROM_NETWORK: 10, TO_NETWORK: 11 } as const

/** `flow.TraceObservationPoint`, as the column `observationPoint` holds it. */
export const ObservationPoint = { UNKNOWN: 0, TO_STACK: 3, FROM_NETWORK: 10, TO_NETWORK: 11, TO_ENDPOINT: 101 } as const

/** IP protocol numbers (IANA) that flows name. */
export const Protocol = { ICMP: 1, IGMP: 2, TCP: 6, UDP: 17, ICMPV6: 58, VRRP: 112, SCTP: 132 } as const

/** Bits of the column `tcpFlags`: the TCP header's own order (RFC 9293 §3.1, NS from RFC 3540). */
export const TcpFlag = {
  FIN: 0x001,
  SYN: 0x002,
  RST: 0x004,
  PSH: 0x008,
  ACK: 0x010,
  URG: 0x020,
  ECE: 0x040,
  CWR: 0x080,
  NS: 0x100,
} as const

/** Bits of `TcpFlag` in the order of the fields of `flow.TCPFlags`, from 1 on. */
export const TCP_FLAG_FIELDS: readonly number[] = [
  TcpFlag.FIN,
  TcpFlag.SYN,
  TcpFlag.RST,
  TcpFlag.PSH,
  TcpFlag.ACK,
  TcpFlag.URG,
  TcpFlag.ECE,
  TcpFlag.CWR,
  TcpFlag.NS,
]

/** What a row tells; the same numbers as `enum fovea_kind` in `bpf/include/event.h`. */
export const Kind = {
  PACKETS: 1,
  DROP: 2,
  DNS: 3,
  TCP_RETRANSMIT: 4,
  TCP_RESET: 5,
  TCP_CONNECT: 6,
  TCP_CLOSE: 7,
  TCP_STATE: 8,
} as const

/** Why a record of the connection table was written; `enum fovea_report` in `bpf/include/event.h`. */
export const Report = {
  NONE: 0,
  FIRST: 1,
  FLAG: 2,
  INTERVAL: 3,
  END: 4,
  EXPIRED: 5,
  TABLE_FULL: 6,
  PACKET: 7,
} as const

/** `flow.L7FlowType`. */
export const L7Type = { UNKNOWN: 0, REQUEST: 1, RESPONSE: 2, SAMPLE: 3 } as const

/** `flow.LostEventSource`. */
export const LostSource = {
  UNKNOWN: 0,
  PERF_EVENT_RING_BUFFER: 1,
  OBSERVER_EVENTS_QUEUE: 2,
  HUBBLE_RING_BUFFER: 3,
} as const
