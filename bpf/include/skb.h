/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* A packet as tracepoints get it: anywhere in the stack, read through the kernel's own struct sk_buff. */
#ifndef FOVEA_SKB_H
#define FOVEA_SKB_H

#include "extensions.h"
#include "kernel.h"
#include "namespace.h"
#include "packet.h"

/* `at`: the network header. */
struct view {
	const unsigned char *at;
	__u32 length;
	__u32 copy[PEEK_MAX / 4];
};

static __always_inline const void *peek(struct view *view, __u32 offset, __u32 size)
{
	if (offset + size > view->length)
		return NULL;
	return bpf_probe_read_kernel(view->copy, size, view->at + offset) ? NULL : view->copy;
}

#define COPY_FROM(view, offset, to, size) bpf_probe_read_kernel(to, size, (view)->at + (offset))

static __always_inline struct chain walk_extensions(struct view *view, struct chain chain, __u32 end)
{
	WALK_EXTENSIONS(chain, view, view->length, COPY_FROM);
	return chain;
}

#include "parse.h"

/*
 * The headers of `skb` from its network header on. Not all of the stack sets it: then, and for what is not IP, the result
 * is PARSED_NOT_IP. Only the linear part is read.
 */
static __always_inline int parse_skb(const struct sk_buff *skb, struct packet *packet)
{
	const unsigned char *data = BPF_CORE_READ(skb, data);
	const unsigned char *head = BPF_CORE_READ(skb, head);
	__u32 length = BPF_CORE_READ(skb, len), paged = BPF_CORE_READ(skb, data_len);
	__u16 network = BPF_CORE_READ(skb, network_header);
	__be16 protocol = BPF_CORE_READ(skb, protocol);
	struct view view = { .at = head + network };
	__u32 pulled = data - view.at; /* what the stack has taken off already; may be negative */

	if (!network || network == 0xffff)
		return PARSED_NOT_IP;
	view.length = length - paged + pulled;
	if (BPF_CORE_READ(skb, vlan_proto))
		packet->vlan = BPF_CORE_READ(skb, vlan_tci) & 0xfff;
	if (protocol == bpf_htons(ETH_P_IP))
		return parse_ipv4(&view, 0, length + pulled, packet);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(&view, 0, length + pulled, packet);
	return PARSED_NOT_IP;
}

/* Frames that a segmented skb stands for. */
static __always_inline __u32 skb_segments(const struct sk_buff *skb)
{
	struct skb_shared_info *shared = (void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
	__u16 segments = BPF_CORE_READ(shared, gso_segs);

	return segments ? segments : 1;
}

/*
 * 0 for interfaces of other namespaces. dev shares its place with other data while a socket holds the packet: such a value
 * does not point to a device, and tells no namespace.
 */
static __always_inline __u32 skb_ifindex(const struct sk_buff *skb)
{
	struct net_device *device = BPF_CORE_READ(skb, dev);
	struct net *net = NULL;
	int ifindex = 0;

	if (device && !bpf_core_read(&ifindex, sizeof(ifindex), &device->ifindex))
		bpf_core_read(&net, sizeof(net), &device->nd_net.net);
	if (!is_own_namespace(net))
		return 0;
	return ifindex > 0 ? ifindex : BPF_CORE_READ(skb, skb_iif);
}

static __always_inline void describe_packet(struct fovea_event *event, const struct packet *packet)
{
	event->ip_version = packet->version;
	set_ipv6((__u32 *)event->source, packet->source);
	set_ipv6((__u32 *)event->destination, packet->destination);
	event->source_port = packet->source_port;
	event->destination_port = packet->destination_port;
	event->protocol = packet->protocol;
	event->icmp_type = packet->icmp_type;
	event->icmp_code = packet->icmp_code;
	event->tcp_flags = packet->flags;
	event->vlan = packet->vlan;
}

#endif
