/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Every packet the kernel drops, with its reason and place. */
#include "drop.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Arguments: skb, location, and from Linux 5.17 on the reason. */
SEC("tp_btf/kfree_skb")
int drop_packet(__u64 *arguments)
{
	bool has_reason = bpf_core_field_exists(struct trace_event_raw_kfree_skb, reason);

	report_drop((const struct sk_buff *)arguments[0], arguments[1], has_reason ? arguments[2] : REASON_UNKNOWN);
	return 0;
}
