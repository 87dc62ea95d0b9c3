/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The clock of the connection table: 32 bits of 2^20 ns (about 1 ms, 52 days until it wraps), compared by subtraction. */
#ifndef FOVEA_CLOCK_H
#define FOVEA_CLOCK_H

#include "kernel.h"

#define TICK_SHIFT 20

/* Reading the kernel's tick (≥ 5.11) costs a fifth of reading the hardware clock, which only records need. */
static __always_inline __u32 now_ticks(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_coarse_ns))
		return bpf_ktime_get_coarse_ns() >> TICK_SHIFT;
	return bpf_ktime_get_ns() >> TICK_SHIFT;
}

static __always_inline __u32 to_ticks(__u64 ns)
{
	return ns >> TICK_SHIFT;
}

#endif
