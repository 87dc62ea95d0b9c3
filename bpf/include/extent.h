/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* How many frames and bytes of the wire one skb is. */
#ifndef FOVEA_EXTENT_H
#define FOVEA_EXTENT_H

#include "own-skb.h"
#include "packet.h"

struct extent {
	__u64 bytes;
	__u32 packets;
};

static __always_inline bool is_tunnel(__u8 protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_GRE || protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6;
}

/*
 * Where the payload of the inner packet of a tunnel begins: every frame repeats the headers up to there. 0 when the skb
 * is no tunnel's.
 */
__noinline int inner_payload(struct __sk_buff *skb)
{
	__u32 network, transport;
	__u8 ip[10], tcp[14];

	if (!is_encapsulated(skb))
		return 0;
	network = frame_offset(skb, skb_read(skb, inner_network_header));
	transport = frame_offset(skb, skb_read(skb, inner_transport_header));
	if (bpf_skb_load_bytes(skb, network, ip, sizeof(ip)))
		return 0;
	if ((ip[0] >> 4 == 4 ? ip[9] : ip[6]) == IPPROTO_UDP)
		return transport + 8;
	if (bpf_skb_load_bytes(skb, transport, tcp, sizeof(tcp)))
		return 0;
	return transport + (tcp[12] >> 4) * 4;
}

/*
 * The device cuts a segmented skb (GSO) into frames that each repeat the headers. Bytes are those the device counts: a
 * VLAN tag that the device itself inserts or removes is not among them, nor are preamble and FCS.
 */
static __always_inline struct extent measure(struct __sk_buff *skb, const struct packet *packet)
{
	struct extent extent = { .packets = 1, .bytes = skb->len };
	__u32 header = packet->payload, size = skb->gso_size, inner = 0;

	if (!size)
		return extent;
	if (is_tunnel(packet->protocol))
		inner = inner_payload(skb);
	if (inner)
		header = inner;
	if (!header || header > skb->len)
		return extent;
	extent.packets = skb->gso_segs;
	if (!extent.packets) /* from a guest that did not say */
		extent.packets = (skb->len - header + size - 1) / size;
	if (!extent.packets)
		extent.packets = 1;
	extent.bytes += (__u64)(extent.packets - 1) * header;
	return extent;
}

#endif
