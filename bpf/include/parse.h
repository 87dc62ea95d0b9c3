/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * From the IP header to the transport payload. Where the bytes come from is the includer's affair: it defines, before
 * this header, `struct view` and
 *   static const void *peek(struct view *view, __u32 offset, __u32 size);
 * which returns `size` (at most PEEK_MAX) bytes at `offset`, valid until the next call, or NULL where the packet is
 * shorter, and
 *   static struct chain walk_extensions(struct view *view, struct chain first, __u32 end);
 */
#ifndef FOVEA_PARSE_H
#define FOVEA_PARSE_H

#include "extensions.h"
#include "packet.h"

enum parsed {
	PARSED,       /* everything there is */
	PARSED_CUT,   /* addresses only: the rest is truncated or contradicts itself */
	PARSED_NOTHING, /* an IP packet whose addresses are cut off */
	PARSED_NOT_IP,
};

struct ipv4_header {
	__u8 version_length;
	__u8 service;
	__be16 total_length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__be32 source;
	__be32 destination;
};

struct ipv6_header {
	__be32 version_class_label;
	__be16 payload_length;
	__u8 next_header;
	__u8 hop_limit;
	__u32 source[4];
	__u32 destination[4];
};

struct tcp_header {
	__be16 source;
	__be16 destination;
	__be32 sequence;
	__be32 acknowledgement;
	__u8 offset_flags;        /* data offset << 4, reserved, NS */
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
};

#define ICMP_HEADER 4

struct ports {
	__be16 source;
	__be16 destination;
};

static __always_inline int parse_tcp(struct view *view, __u32 offset, struct packet *packet)
{
	const struct tcp_header *tcp = peek(view, offset, sizeof(*tcp));
	__u32 length;

	if (!tcp)
		return PARSED_CUT;
	length = (tcp->offset_flags >> 4) * 4;
	if (length < sizeof(*tcp) || offset + length > packet->end)
		return PARSED_CUT;
	packet->source_port = bpf_ntohs(tcp->source);
	packet->destination_port = bpf_ntohs(tcp->destination);
	packet->flags = tcp->flags | (tcp->offset_flags & 1) << 8;
	packet->payload = offset + length;
	return PARSED;
}

/* UDP (8 bytes) and SCTP (12): the ports come first. */
static __always_inline int parse_ports(struct view *view, __u32 offset, struct packet *packet, __u32 length)
{
	const struct ports *ports = peek(view, offset, length);

	if (!ports || offset + length > packet->end)
		return PARSED_CUT;
	packet->source_port = bpf_ntohs(ports->source);
	packet->destination_port = bpf_ntohs(ports->destination);
	packet->payload = offset + length;
	return PARSED;
}

static __always_inline int parse_icmp(struct view *view, __u32 offset, struct packet *packet)
{
	const __u8 *icmp = peek(view, offset, ICMP_HEADER);

	if (!icmp || offset + ICMP_HEADER > packet->end)
		return PARSED_CUT;
	packet->icmp_type = icmp[0];
	packet->icmp_code = icmp[1];
	packet->payload = offset + ICMP_HEADER;
	return PARSED;
}

static __always_inline int parse_transport(struct view *view, __u32 offset, struct packet *packet)
{
	switch (packet->protocol) {
	case IPPROTO_TCP:
		return parse_tcp(view, offset, packet);
	case IPPROTO_UDP:
		return parse_ports(view, offset, packet, 8);
	case IPPROTO_SCTP:
		return parse_ports(view, offset, packet, 12);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return parse_icmp(view, offset, packet);
	default:
		return PARSED;
	}
}

/* `end`: where the bytes of the view end. Total length 0 is a segmented packet of more than 64 KiB (BIG TCP). */
static __always_inline int parse_ipv4(struct view *view, __u32 offset, __u32 end, struct packet *packet)
{
	const struct ipv4_header *ip = peek(view, offset, sizeof(*ip));
	__u32 header, total;

	if (!ip || ip->version_length >> 4 != 4)
		return PARSED_NOTHING;
	set_ipv4(packet->source, ip->source);
	set_ipv4(packet->destination, ip->destination);
	packet->version = 4;
	packet->protocol = ip->protocol;
	header = (ip->version_length & 15) * 4;
	total = bpf_ntohs(ip->total_length);
	packet->end = total ? offset + total : end;
	if (header < sizeof(*ip) || offset + header > packet->end || packet->end > end)
		return PARSED_CUT;
	if (ip->fragment & bpf_htons(0x1fff))
		return PARSED;
	return parse_transport(view, offset + header, packet);
}

static __always_inline int parse_ipv6(struct view *view, __u32 offset, __u32 end, struct packet *packet)
{
	const struct ipv6_header *ip = peek(view, offset, sizeof(*ip));
	__u32 length;
	struct chain chain;

	if (!ip || (bpf_ntohl(ip->version_class_label) >> 28) != 6)
		return PARSED_NOTHING;
	set_ipv6(packet->source, ip->source);
	set_ipv6(packet->destination, ip->destination);
	packet->version = 6;
	packet->protocol = ip->next_header;
	length = bpf_ntohs(ip->payload_length);
	offset += sizeof(*ip);
	packet->end = length ? offset + length : end;
	if (packet->end > end)
		return PARSED_CUT;
	chain = (struct chain){ .offset = offset, .protocol = ip->next_header };
	if (extension_unit(chain.protocol) >= 0)
		chain = walk_extensions(view, chain, packet->end);
	packet->protocol = chain.protocol;
	offset = chain.offset;
	barrier_var(offset);
	if (chain.broken || offset > TRANSPORT_OFFSET_MAX)
		return PARSED_CUT;
	if (!offset)
		return PARSED;
	return parse_transport(view, offset, packet);
}

#endif
