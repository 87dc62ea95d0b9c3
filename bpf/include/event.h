/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The one source of every layout that crosses from the kernel to user space. src/receivers/ebpf/layout.ts
 * repeats the offsets for the decoder; test/kernel/layout.test.ts compares both with the BTF of the built objects.
 */
#ifndef FOVEA_EVENT_H
#define FOVEA_EVENT_H

enum fovea_kind {
	FOVEA_PACKETS = 1,        /* delta of one direction of one connection at one point */
	FOVEA_DROP = 2,           /* a packet the kernel freed with a drop reason */
	FOVEA_DNS = 3,            /* one DNS packet with its payload; UDP ones carry their own delta of 1 packet */
	FOVEA_TCP_RETRANSMIT = 4,
	FOVEA_TCP_RESET = 5,      /* detail: 1 = sent, 2 = received */
	FOVEA_TCP_CONNECT = 6,    /* detail: connection setup time in µs */
	FOVEA_TCP_CLOSE = 7,      /* detail: retransmitted segments over the socket's life */
	FOVEA_TCP_STATE = 8,      /* detail: old << 8 | new (net/tcp_states.h) */
};

enum fovea_point {                /* where the packet was seen; numbers as Retina's */
	FOVEA_TO_STACK = 0,       /* host side of a pod's interface, ingress: leaves the pod (and loopback) */
	FOVEA_TO_ENDPOINT = 1,    /* host side of a pod's interface, egress: enters the pod */
	FOVEA_FROM_NETWORK = 2,
	FOVEA_TO_NETWORK = 3,
	FOVEA_NO_POINT = 255,     /* drops and socket events */
};

enum fovea_direction { FOVEA_DIRECTION_UNKNOWN = 0, FOVEA_INGRESS = 1, FOVEA_EGRESS = 2 };

enum fovea_reply { FOVEA_REPLY_UNKNOWN = 0, FOVEA_REPLY_NO = 1, FOVEA_REPLY_YES = 2 };

enum fovea_report {               /* why a FOVEA_PACKETS record was written */
	FOVEA_REPORT_FIRST = 1,
	FOVEA_REPORT_FLAG = 2,
	FOVEA_REPORT_INTERVAL = 3,
	FOVEA_REPORT_END = 4,
	FOVEA_REPORT_EXPIRED = 5,    /* idle, swept, or flushed at shutdown */
	FOVEA_REPORT_TABLE_FULL = 6, /* no room in the table: a record for this packet alone */
	FOVEA_REPORT_PACKET = 7,     /* aggregation: none */
};

/* Every record starts with this; host byte order; 8-byte aligned; addresses in network order, IPv4 as ::ffff:a.b.c.d. */
struct fovea_event {
	__u16 length;             /* of the whole record with payload and padding: a multiple of 8 */
	__u8 kind;                /* enum fovea_kind */
	__u8 ip_version;          /* 4, 6; 0 = not IP */
	__u32 ifindex;            /* 0 = unknown */
	__u64 time_ns;            /* CLOCK_BOOTTIME */
	__u8 source[16];
	__u8 destination[16];
	__u16 source_port;        /* host order; 0 for protocols without ports and for later fragments */
	__u16 destination_port;
	__u8 protocol;            /* IP protocol number of the transport header */
	__u8 point;               /* enum fovea_point */
	__u8 direction;           /* enum fovea_direction, of the connection */
	__u8 reply;               /* enum fovea_reply */
	__u64 bytes;              /* L2 frames on the wire since the last record (segments of GSO counted with their headers) */
	__u32 packets;            /* packets of the wire since the last record */
	__u16 tcp_flags;          /* union since the last record, this packet included; bits as in the header, NS = 0x100 */
	__u8 icmp_type;
	__u8 icmp_code;
	__u32 detail;             /* by kind; FOVEA_DROP: enum skb_drop_reason */
	__u32 rtt_us;             /* smoothed RTT of the socket, 0 = unknown */
	__u64 location;           /* FOVEA_DROP: address of the code that dropped (the addon replaces it by a symbol id) */
	__u16 vlan;               /* outer VLAN id, 0 = untagged */
	__u8 report;              /* enum fovea_report */
	__u8 verdict;             /* FOVEA_DROP: 1 = dropped by netfilter */
	__u16 payload_length;     /* bytes after this struct; FOVEA_DNS: the DNS message (TCP: with its 2-byte length) */
	__u16 payload_missing;    /* bytes of the message that did not fit */
};

/*
 * The map `connections` is an array of buckets of 8 entries each, so that it can be swept in slices:
 * max_entries = connections wanted / FOVEA_CONNECTIONS_PER_BUCKET (half full: no new connection finds its buckets full).
 */
#define FOVEA_CONNECTIONS_PER_BUCKET 4

/*
 * Input packet of the program `sweep` (BPF_PROG_TEST_RUN). One run visits one slice of the table (from Linux 6.3 on with
 * softirqs off) and returns the bucket to go on with: run it with `first` = 0, then with what it returned, until it returns 0.
 */
struct fovea_sweep {
	__u32 flush_all;          /* 1: report and delete every entry (shutdown, the programs are detached) */
	__u32 first;              /* bucket to begin with */
	__u32 reserved[2];        /* the input of a run must be longer than an Ethernet header */
};

#define FOVEA_DNS_PAYLOAD_MAX 1232 /* flag-day EDNS size; longer messages are cut and marked */

/* Index of the per-CPU counters of the map `counters`. */
enum fovea_counter {
	FOVEA_LOST_RING = 0,      /* records that did not fit into the ring and whose content is lost */
	FOVEA_DEFERRED = 1,       /* records that did not fit and whose delta waits in the connection table */
	FOVEA_TABLE_FULL = 2,     /* packets that found no room in the connection table */
	FOVEA_NOT_IP = 3,         /* packets that are neither IPv4 nor IPv6 (ARP, LLDP, …) */
	FOVEA_MALFORMED = 4,      /* truncated or contradictory headers: counted as L3 flows where the addresses could be read */
	FOVEA_DROPS_LEFT_OUT = 5, /* drops not reported because their reason is excluded */
	FOVEA_SEEN_PACKETS = 6,
	FOVEA_SEEN_BYTES = 7,
	FOVEA_SWEPT = 8,          /* entries the sweep met and left: what one walk over the table adds is the number of connections */
	FOVEA_COUNTERS = 9,
};

#endif
