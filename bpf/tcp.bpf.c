/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* TCP as its sockets see it: tracepoints of include/trace/events/{tcp,sock}.h. */
#include "tcp.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Arguments: sock, skb, and from Linux 6.17 on the error, if the segment could not be sent. */
SEC("tp_btf/tcp_retransmit_skb")
int tcp_retransmit(__u64 *arguments)
{
	if (bpf_core_field_exists(struct trace_event_raw_tcp_retransmit_skb, err) && (__s32)arguments[2] < 0)
		return 0;
	report_retransmit((const struct sock *)arguments[0], (const struct sk_buff *)arguments[1]);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int tcp_retransmit_synack(__u64 *arguments)
{
	report_retransmit_synack((const struct request_sock *)arguments[1]);
	return 0;
}

/* Arguments: the socket, if there is one (from Linux 6.10 on it may be NULL), and the packet that the reset answers. */
SEC("tp_btf/tcp_send_reset")
int tcp_send_reset(__u64 *arguments)
{
	if (arguments[0])
		report_reset((const struct sock *)arguments[0], RESET_SENT);
	else if (arguments[1])
		report_reset_answer((const struct sk_buff *)arguments[1]);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int tcp_receive_reset(__u64 *arguments)
{
	report_reset((const struct sock *)arguments[0], RESET_RECEIVED);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int tcp_set_state(__u64 *arguments)
{
	change_state((const struct sock *)arguments[0], arguments[1], arguments[2]);
	return 0;
}
