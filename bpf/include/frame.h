/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* A frame as tc programs get it: where its network header is, and how much of the wire it stands for. */
#ifndef FOVEA_FRAME_H
#define FOVEA_FRAME_H

#include "extensions.h"
#include "kernel.h"
#include "own-skb.h"
#include "packet.h"

struct view {
	struct __sk_buff *skb;
	void *data;
	void *end;
	__u32 copy[PEEK_MAX / 4];
};

/* In place where the bytes are linear, else copied (drivers that leave headers in page fragments). */
static __always_inline const void *peek(struct view *view, __u32 offset, __u32 size)
{
	void *at = view->data + offset;

	/* Else the compiler may compute it anew, and the verifier knows the checked register only. */
	barrier_var(at);
	if (at + size <= view->end)
		return at;
	return bpf_skb_load_bytes(view->skb, offset, view->copy, size) ? NULL : view->copy;
}

union packed_chain {
	struct chain chain;
	__u32 number;
};

/* A function of its own: inlined, the verifier would look at each way through the loop once for each way to it. */
__noinline int walk_skb(struct __sk_buff *skb, __u32 first, __u32 end)
{
	union packed_chain packed = { .number = first };

	WALK_EXTENSIONS(packed.chain, skb, end, bpf_skb_load_bytes);
	return packed.number;
}

static __always_inline struct chain walk_extensions(struct view *view, struct chain first, __u32 end)
{
	union packed_chain packed = { .chain = first };

	packed.number = walk_skb(view->skb, packed.number, end);
	return packed.chain;
}

#include "parse.h"

#define ETHERNET_LENGTH 14
#define LINK_CUT 0xffff

struct ethernet {
	__u8 addresses[12];
	__be16 type;
};

struct vlan_tag {
	__be16 tci;
	__be16 type;
};

static __always_inline bool is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/*
 * Ethernet header or raw IP (tun, WireGuard)? On Ethernet the type repeats skb->protocol, on raw IP the first four bits
 * are the IP version. Only where a packet looks like both (a MAC address such as 4a:…) the device is asked.
 */
static __always_inline bool is_ethernet(struct __sk_buff *skb, const struct ethernet *header)
{
	__be16 protocol = skb->protocol;
	__u8 version = protocol == bpf_htons(ETH_P_IP) ? 4 : protocol == bpf_htons(ETH_P_IPV6) ? 6 : 0;

	if (!version)
		return true;
	if (header && header->addresses[0] >> 4 != version)
		return true;
	if (header && header->type != protocol && !is_vlan(header->type))
		return false;
	return has_ethernet_header(skb);
}

/*
 * Offset of the network header, whose type goes to `type`; 0xffff when the frame ends before it. A tag that the device
 * took off is in the skb; the first of two tags is the outer one.
 */
static __always_inline __u32 skip_link(struct view *view, __be16 *type, struct packet *packet)
{
	struct __sk_buff *skb = view->skb;
	const struct ethernet *ethernet = peek(view, 0, sizeof(*ethernet));
	__u32 offset = ETHERNET_LENGTH;
	bool tagged = skb->vlan_present;

	if (tagged)
		packet->vlan = skb->vlan_tci & 0xfff;
	*type = skb->protocol;
	if (!is_ethernet(skb, ethernet))
		return 0;
	if (!ethernet)
		return LINK_CUT;
	*type = ethernet->type;
	for (int i = 0; i < 2 && is_vlan(*type); i++) {
		const struct vlan_tag *tag = peek(view, offset, sizeof(*tag));

		if (!tag)
			return LINK_CUT;
		if (!tagged)
			packet->vlan = bpf_ntohs(tag->tci) & 0xfff;
		tagged = true;
		*type = tag->type;
		offset += sizeof(*tag);
	}
	return offset;
}

static __always_inline int parse_frame(struct view *view, struct packet *packet)
{
	__be16 type;
	__u32 offset = skip_link(view, &type, packet);

	if (offset == LINK_CUT)
		return PARSED_NOTHING;
	if (type == bpf_htons(ETH_P_IP))
		return parse_ipv4(view, offset, view->skb->len, packet);
	if (type == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(view, offset, view->skb->len, packet);
	return PARSED_NOT_IP;
}

#endif
