/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The kernel's own skb behind the context of a tc program, for the rare packet about which __sk_buff says too little. The
 * reads are calls of about 15 ns each.
 */
#ifndef FOVEA_OWN_SKB_H
#define FOVEA_OWN_SKB_H

#include "kernel.h"

#define skb_read(skb, field) ({ \
	typeof(((struct sk_buff *)0)->field) value = 0; \
	bpf_probe_read_kernel(&value, sizeof(value), \
			      (void *)(skb) + bpf_core_field_offset(struct sk_buff, field)); \
	value; \
})

static __always_inline bool has_ethernet_header(struct __sk_buff *skb)
{
	struct net_device *device = skb_read(skb, dev);
	unsigned short type = BPF_CORE_READ(device, type);

	return type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
}

static __always_inline bool is_encapsulated(struct __sk_buff *skb)
{
	return BPF_CORE_READ_BITFIELD_PROBED((struct sk_buff *)skb, encapsulation);
}

/* Offset from the first byte of the frame of what skb->head + `from_head` points to. */
static __always_inline __u32 frame_offset(struct __sk_buff *skb, __u16 from_head)
{
	return skb_read(skb, head) + from_head - skb_read(skb, data);
}

#endif
