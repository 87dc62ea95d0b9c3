/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* A packet that the kernel frees without delivering it (include/net/dropreason-core.h). */
#ifndef FOVEA_DROP_H
#define FOVEA_DROP_H

#include "ring.h"
#include "skb.h"

/* Bit per core drop reason that is not reported. Reasons of subsystems (number >> 16) are never left out. */
volatile const __u64 cfg_left_out[8] = {};

#define CORE_REASONS (64 * 8)
#define ETHERNET_LENGTH 14
#define REASON_UNKNOWN 0 /* before Linux 5.17 the tracepoint has none */

static __always_inline bool is_left_out(__u32 reason)
{
	return reason < CORE_REASONS && cfg_left_out[reason / 64] >> (reason % 64) & 1;
}

#define REASON_IS(reason, name) \
	(bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_##name) && \
	 (reason) == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_##name))

/*
 * Echo replies go to raw sockets as copies (this is how most ping programs get theirs), and what remains finds no ping
 * socket: nothing is lost.
 */
static __always_inline bool is_spent_echo(const struct packet *packet, __u32 reason)
{
	if (!REASON_IS(reason, NO_SOCKET))
		return false;
	return packet->protocol == IPPROTO_ICMP ? packet->icmp_type == 0 :
	       packet->protocol == IPPROTO_ICMPV6 && packet->icmp_type == 129;
}

/* A layer-2 header that the stack has taken off is counted as Ethernet's 14 bytes, as the connection records count it. */
static __always_inline __u64 frame_bytes(const struct sk_buff *skb, const struct packet *packet, __u32 segments)
{
	bool has_link_header = BPF_CORE_READ(skb, mac_header) != 0xffff;
	__u64 link = has_link_header ? ETHERNET_LENGTH : 0;

	return packet->end + link + (segments - 1) * (packet->payload + link);
}

static __always_inline void report_drop(const struct sk_buff *skb, __u64 location, __u32 reason)
{
	struct packet packet = {};
	struct fovea_event *event;
	int parsed;

	if (is_left_out(reason)) {
		count(FOVEA_DROPS_LEFT_OUT, 1);
		return;
	}
	parsed = parse_skb(skb, &packet);
	if (parsed == PARSED_NOTHING || parsed == PARSED_NOT_IP)
		return;
	if (is_spent_echo(&packet, reason)) {
		count(FOVEA_DROPS_LEFT_OUT, 1);
		return;
	}
	event = reserve(FOVEA_DROP);
	if (!event) {
		count_shared(FOVEA_LOST_RING, 1);
		return;
	}
	describe_packet(event, &packet);
	event->ifindex = skb_ifindex(skb);
	event->point = FOVEA_NO_POINT;
	event->packets = skb_segments(skb);
	event->bytes = frame_bytes(skb, &packet, event->packets);
	event->detail = reason;
	event->location = location;
	event->verdict = REASON_IS(reason, NETFILTER_DROP);
	submit(event);
}

#endif
