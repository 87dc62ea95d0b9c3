/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Maps that every object has; the loader makes them one by reuse of the file descriptor. */
#ifndef FOVEA_MAPS_H
#define FOVEA_MAPS_H

#include "kernel.h"
#include "event.h"

/* Records for user space. The programs write, the agent's poll thread reads; the loader sets the size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* enum fovea_counter. The programs add, user space only reads. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, FOVEA_COUNTERS);
} counters SEC(".maps");

static __always_inline void count(__u32 counter, __u64 amount)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += amount;
}

/* For what programs count that may interrupt each other: those of tracepoints, of tc, and the sweep. */
static __always_inline void count_shared(__u32 counter, __u64 amount)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, amount);
}

#endif
