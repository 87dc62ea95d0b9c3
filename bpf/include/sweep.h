/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The end of connections that no packet ended, and the deltas that no packet came to report. */
#ifndef FOVEA_SWEEP_H
#define FOVEA_SWEEP_H

#include "report.h"

/* Idle time after which an established TCP connection is given up; closing or unanswered ones are given up like others. */
volatile const __u64 cfg_tcp_idle_ns = 300000000000;
volatile const __u64 cfg_other_idle_ns = 60000000000;

/* Resolvers use a port for one question only: at an interface that counts DNS in the table, entries are many and soon idle. */
#define DNS_IDLE_NS 5000000000

/* Buckets visited in one run: from Linux 6.3 on softirqs are off meanwhile. */
#define SWEEP_SLICE 256

struct swept {
	struct key key;
	struct delta deltas[2];
	__u8 initiator;
	__u8 distance;
	__u8 deleted;
};

static __always_inline bool is_established(const struct connection *connection)
{
	__u16 first = flags_ever(&connection->slots[0]), second = flags_ever(&connection->slots[1]);

	return first & second & TCP_ACK && !((first | second) & TCP_FIN);
}

static __always_inline bool is_idle(const struct connection *connection, __u32 ticks)
{
	__u64 limit = cfg_other_idle_ns;
	__u32 low = ticks - connection->slots[0].seen, high = ticks - connection->slots[1].seen;

	if (connection->key.protocol == IPPROTO_TCP && is_established(connection))
		limit = cfg_tcp_idle_ns;
	if (connection->key.protocol == IPPROTO_UDP && limit > DNS_IDLE_NS &&
	    (is_dns_port(connection->key.low_port) || is_dns_port(connection->key.high_port)))
		limit = DNS_IDLE_NS;
	return (low < high ? low : high) >= to_ticks(limit);
}

/* What waits in an idle entry is reported as its end, in a busy one when its interval is over. Under the lock. */
static __always_inline void take_waiting(struct slot *slot, struct delta *delta, bool expired, __u32 ticks)
{
	if (!slot->packets)
		return;
	if (expired)
		take(slot, delta, FOVEA_REPORT_EXPIRED, ticks);
	else if (due(slot, ticks))
		take(slot, delta, due(slot, ticks), ticks);
}

/*
 * An idle entry is reported and marked dead by one sweep and deleted by the next one, so that a packet in between finds
 * its connection. Under the lock.
 */
static __always_inline void sweep_entry(struct bucket *bucket, __u32 way, struct swept *swept, __u32 ticks, bool all)
{
	struct connection *connection = &bucket->entries[way];
	bool idle = all || is_idle(connection, ticks);

	swept->key = connection->key;
	swept->initiator = connection->initiator;
	swept->distance = connection->distance;
	take_waiting(&connection->slots[0], &swept->deltas[0], idle, ticks);
	take_waiting(&connection->slots[1], &swept->deltas[1], idle, ticks);
	if (all || (idle && connection->dead)) {
		bucket->tags[way] = 0;
		swept->deleted = 1;
	}
	connection->dead = idle;
}

static __always_inline void report_swept(struct swept *swept, __u32 index, __u32 ticks)
{
	struct work *work = get_work(WORK_OF_SWEEP);

	if (!work)
		return;
	work->passing.key = swept->key;
	work->passing.ticks = ticks;
	work->passing.initiator = swept->initiator;
	_Pragma("unroll")
	for (__u32 slot = 0; slot < 2; slot++)
		if (swept->deltas[slot].report)
			report_delta(&work->passing, WORK_OF_SWEEP, slot, &swept->deltas[slot]);
	if (swept->deleted && swept->distance)
		unpass(index >= swept->distance ? index - swept->distance : index + buckets() - swept->distance, swept->distance);
}

/*
 * Not static and with plain numbers as arguments, so that the verifier looks at it once and not once for each entry.
 * `way`: 0 to BUCKET_WAYS - 1. Returns the number of entries that stay: 0 or 1.
 */
__noinline int sweep_way(__u32 index, __u32 way, __u32 ticks, __u32 all)
{
	struct bucket *bucket = bpf_map_lookup_elem(&connections, &index);
	struct swept swept = {};
	int stays = 0;

	if (!bucket || way >= BUCKET_WAYS)
		return 0;
	bpf_spin_lock(&bucket->lock);
	if (bucket->tags[way]) {
		sweep_entry(bucket, way, &swept, ticks, all);
		stays = !swept.deleted;
	}
	bpf_spin_unlock(&bucket->lock);
	report_swept(&swept, index, ticks);
	return stays;
}

__noinline int sweep_bucket(__u32 index, __u32 ticks, __u32 all)
{
	struct bucket *bucket = bpf_map_lookup_elem(&connections, &index);
	int stay = 0;

	if (!bucket)
		return 0;
	for (__u32 way = 0; way < BUCKET_WAYS; way++)
		if (bucket->tags[way])
			stay += sweep_way(index, way, ticks, all);
	return stay;
}

/* Returns the bucket to go on with, 0 at the end of the table. */
static __always_inline int sweep_slice(struct __sk_buff *skb)
{
	struct fovea_sweep sweep;
	__u32 ticks = now_ticks(), stay = 0, last;

	if (bpf_skb_load_bytes(skb, 0, &sweep, sizeof(sweep)))
		return 0;
	for (__u32 i = 0; i < SWEEP_SLICE; i++)
		stay += sweep_bucket(sweep.first + i, ticks, sweep.flush_all);
	count(FOVEA_SWEPT, stay);
	last = sweep.first + SWEEP_SLICE;
	return last < buckets() ? last : 0;
}

#endif
