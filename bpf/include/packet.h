/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* What the headers of one packet say. */
#ifndef FOVEA_PACKET_H
#define FOVEA_PACKET_H

#include "kernel.h"
#include "event.h"

/* Bits as in the TCP header. */
enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

#define PEEK_MAX 40 /* the longest header read at once: IPv6 */

struct packet {
	__u32 source[4];          /* network order; IPv4 as ::ffff:a.b.c.d */
	__u32 destination[4];
	__u16 source_port;        /* host order */
	__u16 destination_port;
	__u16 flags;              /* of TCP, NS = 0x100 */
	__u16 vlan;
	__u8 version;
	__u8 protocol;
	__u8 icmp_type;
	__u8 icmp_code;
	__u32 payload;            /* offset of what follows the transport header; 0 = unknown (cut, later fragment) */
	__u32 end;                /* offset of the end of the IP packet; Ethernet's padding lies behind it */
};

static __always_inline void set_ipv4(__u32 to[4], __u32 address)
{
	to[0] = 0;
	to[1] = 0;
	to[2] = bpf_htonl(0xffff);
	to[3] = address;
}

static __always_inline void set_ipv6(__u32 to[4], const __u32 from[4])
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

#endif
