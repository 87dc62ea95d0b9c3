/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Packets at the interfaces: tcx or clsact programs that look and let pass. */
#include "observe.h"
#include "sweep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int endpoint_ingress(struct __sk_buff *skb)
{
	return observe(skb, AT_ENDPOINT, 0);
}

SEC("tc")
int endpoint_egress(struct __sk_buff *skb)
{
	return observe(skb, AT_ENDPOINT, 1);
}

SEC("tc")
int network_ingress(struct __sk_buff *skb)
{
	return observe(skb, AT_NETWORK, 0);
}

SEC("tc")
int network_egress(struct __sk_buff *skb)
{
	return observe(skb, AT_NETWORK, 1);
}

/* Every packet of lo passes its egress once. */
SEC("tc")
int loopback_egress(struct __sk_buff *skb)
{
	return observe(skb, AT_LOOPBACK, 1);
}

/* Not attached: user space runs it. */
SEC("tc")
int sweep(struct __sk_buff *skb)
{
	return sweep_slice(skb);
}
