/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* One packet at one hook. */
#ifndef FOVEA_OBSERVE_H
#define FOVEA_OBSERVE_H

#include "extent.h"
#include "frame.h"
#include "report.h"
#include "dns.h"

/* 0: a record per packet and no table. */
volatile const __u8 cfg_aggregate = 1;

#define TC_NEXT (-1) /* TCX_NEXT, TC_ACT_UNSPEC: whatever comes after us decides */

/* Without a table nothing is known of a connection but what this packet says. */
static __always_inline void report_packet(const struct passing *passing)
{
	struct fovea_event *event = reserve(FOVEA_PACKETS);
	bool opens = passing->flags & TCP_SYN || is_icmp(passing->key.protocol);

	if (!event) {
		count_shared(FOVEA_LOST_RING, 1);
		return;
	}
	describe(event, &passing->key, passing->slot);
	if (opens) {
		event->direction = key_direction(&passing->key, passing->initiator);
		event->reply = passing->slot == passing->initiator ? FOVEA_REPLY_NO : FOVEA_REPLY_YES;
	}
	event->bytes = passing->bytes;
	event->packets = passing->packets;
	event->tcp_flags = passing->flags;
	event->report = FOVEA_REPORT_PACKET;
	submit(event);
}

static __always_inline bool is_pure_ack(const struct packet *packet)
{
	return (packet->flags & (TCP_ACK | FLAGS_OF_INTEREST)) == TCP_ACK && packet->payload == packet->end;
}

static __always_inline int observe(struct __sk_buff *skb, __u32 at, __u32 hook)
{
	struct view view = { .skb = skb, .data = (void *)(long)skb->data, .end = (void *)(long)skb->data_end };
	struct packet packet = {};
	struct work *work = get_work(WORK_OF_PACKET);
	struct passing *passing;
	struct extent extent;
	int parsed = parse_frame(&view, &packet);

	if (!work)
		return TC_NEXT;
	passing = &work->passing;
	if (parsed == PARSED_NOT_IP) {
		count(FOVEA_NOT_IP, 1);
		return TC_NEXT;
	}
	if (parsed != PARSED)
		count(FOVEA_MALFORMED, 1);
	if (parsed == PARSED_NOTHING)
		return TC_NEXT;
	extent = measure(skb, &packet);
	count(FOVEA_SEEN_PACKETS, extent.packets);
	count(FOVEA_SEEN_BYTES, extent.bytes);
	passing->slot = make_key(&passing->key, &packet, skb->ifindex, at, hook);
	passing->bytes = extent.bytes;
	passing->packets = extent.packets;
	passing->ticks = now_ticks();
	passing->flags = packet.flags;
	passing->initiator = guess_initiator(&passing->key, passing->slot, packet.flags);
	passing->pure_ack = is_pure_ack(&packet);
	passing->quiet = 0;
	work->payload = packet.payload;
	work->end = packet.end;
	if (report_dns(skb, &packet, passing))
		return TC_NEXT;
	if (cfg_aggregate)
		count_connection();
	else
		report_packet(passing);
	return TC_NEXT;
}

#endif
