/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * DNS packets go to user space whole, each in a record of its own, where the node sees them first: there every packet is
 * news, and an entry per query would only fill the table.
 */
#ifndef FOVEA_DNS_H
#define FOVEA_DNS_H

#include "report.h"
#include "sighting.h"

volatile const __u8 cfg_dns = 1;

#define DNS_HEADER 12
#define DNS_ROUND (FOVEA_DNS_PAYLOAD_MAX + 8)

struct dns_record {
	struct fovea_event event;
	__u8 payload[DNS_ROUND];
};

/* Where a record of variable length is put together; each CPU has its own, and tc programs do not nest. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct dns_record);
	__uint(max_entries, 1);
} dns_scratch SEC(".maps");

/* The byte with QR, opcode, AA, TC and RD lies behind the id; over TCP two bytes of length come first. */
static __always_inline bool is_answer(const struct dns_record *record, __u32 header)
{
	return record->payload[header + 2] & 0x80;
}

/* False when the ring is full. */
__noinline int write_dns(struct __sk_buff *skb)
{
	__u32 zero = 0, length, taken, padded, header, initiator;
	struct dns_record *record = bpf_map_lookup_elem(&dns_scratch, &zero);
	struct work *work = get_work(WORK_OF_PACKET);
	struct passing *passing;
	struct fovea_event *event;

	if (!record || !work)
		return false;
	passing = &work->passing;
	length = work->end - work->payload;
	header = passing->key.protocol == IPPROTO_TCP ? 2 : 0;
	event = &record->event;
	__builtin_memset(event, 0, sizeof(*event));
	taken = length > FOVEA_DNS_PAYLOAD_MAX ? FOVEA_DNS_PAYLOAD_MAX : length;
	if (taken < 1)
		return false;
	if (bpf_skb_load_bytes(skb, work->payload, record->payload, taken))
		return false;
	*(__u64 *)(record->payload + (taken & 0x7ff)) = 0;
	padded = (sizeof(*event) + taken + 7) & 0xff8;
	initiator = passing->slot;
	if (is_answer(record, header))
		initiator ^= 1;
	describe(event, &passing->key, passing->slot);
	event->length = padded;
	event->kind = FOVEA_DNS;
	event->time_ns = bpf_ktime_get_boot_ns();
	event->direction = key_direction(&passing->key, initiator);
	event->reply = passing->slot == initiator ? FOVEA_REPLY_NO : FOVEA_REPLY_YES;
	event->tcp_flags = passing->flags;
	if (!header) {
		event->bytes = passing->bytes;
		event->packets = passing->packets;
	}
	event->payload_length = taken;
	event->payload_missing = length - taken;
	return !bpf_ringbuf_output(&events, record, padded, wakeup());
}

/* True when the packet needs nothing more: a UDP packet whose record carries its own delta. */
static __always_inline bool report_dns(struct __sk_buff *skb, const struct packet *packet,
					const struct passing *passing)
{
	bool udp = packet->protocol == IPPROTO_UDP;
	struct sighting sighting;
	__u32 first_bytes;

	if (!cfg_dns || !(udp || packet->protocol == IPPROTO_TCP) || !packet->payload)
		return false;
	if (!is_dns_port(packet->source_port) && !is_dns_port(packet->destination_port))
		return false;
	if (packet->end < packet->payload + (udp ? DNS_HEADER : 1))
		return false;
	if (bpf_skb_load_bytes(skb, packet->payload, &first_bytes, sizeof(first_bytes)))
		first_bytes = 0;
	sighting = sighting_of(passing, first_bytes);
	if (seen_before(&sighting))
		return false;
	if (write_dns(skb)) {
		remember(&sighting);
		return udp;
	}
	count_shared(FOVEA_LOST_RING, 1);
	return false;
}

#endif
