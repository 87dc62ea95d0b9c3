/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Deltas into records; what finds no room in the ring goes back into the table. */
#ifndef FOVEA_REPORT_H
#define FOVEA_REPORT_H

#include "account.h"
#include "ring.h"

static __always_inline bool write_delta(const struct key *key, __u32 slot, __u32 initiator, const struct delta *delta)
{
	struct fovea_event *event = reserve(FOVEA_PACKETS);

	if (!event)
		return false;
	describe(event, key, slot);
	event->direction = key_direction(key, initiator);
	event->reply = slot == initiator ? FOVEA_REPLY_NO : FOVEA_REPLY_YES;
	event->bytes = delta->bytes;
	event->packets = delta->packets;
	event->tcp_flags = delta->flags;
	event->report = delta->report;
	submit(event);
	return true;
}

/*
 * The ring is full: the delta of that work waits in its entry (a new one, if it was deleted meanwhile) for the next
 * packet or the next sweep.
 */
__noinline int defer(__u32 whose)
{
	struct work *work = get_work(whose);

	if (work) {
		work->passing.quiet = 1;
		work->outcome.ended = 0;
		work->home = place(&work->passing.key);
		count_shared(probe(whose) == COUNTED ? FOVEA_DEFERRED : FOVEA_LOST_RING, 1);
	}
	return 0;
}

static __always_inline void report_delta(struct passing *passing, __u32 whose, __u32 slot, const struct delta *delta)
{

	if (write_delta(&passing->key, slot, passing->initiator, delta))
		return;
	passing->slot = slot;
	passing->bytes = delta->bytes;
	passing->packets = delta->packets;
	passing->flags = delta->flags;
	defer(whose);
}

/* A packet that is in no entry. */
static __always_inline void report_alone(struct passing *passing, __u8 report)
{
	struct delta delta = {
		.bytes = passing->bytes, .packets = passing->packets, .flags = passing->flags, .report = report,
	};

	if (!write_delta(&passing->key, passing->slot, passing->initiator, &delta))
		count_shared(FOVEA_LOST_RING, 1);
}

/* Counts a packet in its connection and reports what is due. */
__noinline int count_connection(void)
{
	struct work *work = get_work(WORK_OF_PACKET);
	struct delta other;
	__u32 slot;

	if (!work)
		return 0;
	slot = work->passing.slot;
	if (!account(work)) {
		count(FOVEA_TABLE_FULL, work->passing.packets);
		report_alone(&work->passing, FOVEA_REPORT_TABLE_FULL);
		return 0;
	}
	if (!work->outcome.own.report)
		return 0;
	other = work->outcome.other;
	work->passing.initiator = work->outcome.initiator;
	report_delta(&work->passing, WORK_OF_PACKET, slot, &work->outcome.own);
	if (other.report)
		report_delta(&work->passing, WORK_OF_PACKET, slot ^ 1, &other);
	return 0;
}

#endif
