/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Records into the ring without waking its reader for each of them. */
#ifndef FOVEA_RING_H
#define FOVEA_RING_H

#include "maps.h"

/* Waiting bytes from which the reader is woken; below it finds the records on its next poll. */
volatile const __u64 cfg_wakeup_bytes = 256 * 1024;

/* Only records that end this close above the threshold wake: a reader that is late is not called again for each one. */
#define WAKEUP_WINDOW 4096

/*
 * Flags for submitting a record. A wake-up costs the sender an interrupt to itself (1–5 µs in a virtual machine);
 * without one a record costs about 0.1 µs.
 */
static __always_inline __u64 wakeup(void)
{
	__u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);

	return waiting - cfg_wakeup_bytes < WAKEUP_WINDOW ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* Room for one record, all zero but its length, kind and time; NULL when the ring is full. */
static __always_inline struct fovea_event *reserve(__u8 kind)
{
	struct fovea_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return NULL;
	__builtin_memset(event, 0, sizeof(*event));
	event->length = sizeof(*event);
	event->kind = kind;
	event->time_ns = bpf_ktime_get_boot_ns();
	return event;
}

static __always_inline void submit(struct fovea_event *event)
{
	bpf_ringbuf_submit(event, wakeup());
}

#endif
