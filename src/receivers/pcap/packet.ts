/** Directions of a packet as a capture may tell them. */
export const PacketDirection = { UNKNOWN: 0, INBOUND: 1, OUTBOUND: 2 } as const

/** Who dropped a packet: a TC or XDP program (pcapng's `epb_verdict`), or a netfilter rule (NFLOG). */
export const Dropper = { NOBODY: 0, TC: 1, XDP: 2, NETFILTER: 3 } as const

/** One packet while it is looked at. One object serves all packets of a worker: parsing fills it anew. */
export class Packet {
  /** Time in the capture: Unix seconds and nanoseconds. */
  seconds = 0
  nanos = 0
  /** `[start, end)` of the captured bytes. */
  start = 0
  end = 0
  /** Bytes on the wire, of which the capture may hold fewer. */
  wireBytes = 0
  /** Place in the list of interfaces. */
  interface = 0
  /** `PacketDirection` */
  direction: number = PacketDirection.UNKNOWN
  /** Who dropped it, as far as the capture tells: a `Dropper`. */
  droppedBy: number = Dropper.NOBODY

  /** Where the network header begins, and its EtherType. */
  network = 0
  etherType = 0
  vlan = 0

  /** 4 or 6. */
  ipVersion = 0
  /** Source and destination: 2 times 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. */
  readonly addresses = new Uint8Array(32)
  readonly words = new Uint32Array(this.addresses.buffer)
  protocol = 0
  sourcePort = 0
  destinationPort = 0
  /** `TcpFlag` bits */
  tcpFlags = 0
  icmpType = 0
  icmpCode = 0
  /** `[payload, payloadEnd)` of TCP and UDP; `payloadMissing` bytes of it were not captured. */
  payload = 0
  payloadEnd = 0
  payloadMissing = 0

  /** Forgets what the headers of the packet before told. */
  clearHeaders(): void {
    this.vlan = 0
    this.ipVersion = 0
    this.protocol = 0
    this.sourcePort = 0
    this.destinationPort = 0
    this.tcpFlags = 0
    this.icmpType = 0
    this.icmpCode = 0
    this.payload = 0
    this.payloadEnd = 0
    this.payloadMissing = 0
  }
}
