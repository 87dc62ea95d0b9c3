/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* What TCP itself knows: retransmissions, resets, setup time, smoothed RTT, state changes. */
#ifndef FOVEA_TCP_H
#define FOVEA_TCP_H

#include "ring.h"
#include "skb.h"
#include "socket.h"

/* 1: a FOVEA_TCP_STATE record for each change of state. */
volatile const __u8 cfg_tcp_states = 0;

enum { RESET_SENT = 1, RESET_RECEIVED = 2 };

/*
 * Boot time in ns at which a socket sent its SYN. An entry is made when a socket enters SYN_SENT and deleted when it
 * leaves it, which every socket does; when the table is full the setup time is that of the last SYN (the first RTT).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, __u64);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} connecting SEC(".maps");

/* A record about `sock` with everything but its kind's own fields; the source is the local end if `from_local`. */
static __always_inline struct fovea_event *reserve_for(__u8 kind, const struct sock_common *common, bool from_local)
{
	struct ends ends = {};
	struct fovea_event *event;

	if (!read_ends(common, &ends))
		return NULL;
	event = reserve(kind);
	if (!event) {
		count_shared(FOVEA_LOST_RING, 1);
		return NULL;
	}
	describe_ends(event, &ends, from_local);
	return event;
}

static __always_inline void report_retransmit(const struct sock *sock, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *cb = (const void *)skb->cb;
	struct fovea_event *event = reserve_for(FOVEA_TCP_RETRANSMIT, &sock->__sk_common, true);

	if (!event)
		return;
	event->tcp_flags = BPF_CORE_READ(cb, tcp_flags) & 0x1ff;
	event->packets = BPF_CORE_READ(cb, tcp_gso_segs);
	if (!event->packets)
		event->packets = 1;
	event->bytes = BPF_CORE_READ(skb, len);
	event->rtt_us = smoothed_rtt(sock);
	submit(event);
}

static __always_inline void report_retransmit_synack(const struct request_sock *request)
{
	struct fovea_event *event = reserve_for(FOVEA_TCP_RETRANSMIT, &request->__req_common, true);

	if (!event)
		return;
	event->tcp_flags = TCP_SYN | TCP_ACK;
	event->packets = 1;
	submit(event);
}

static __always_inline void report_reset(const struct sock *sock, __u32 how)
{
	struct fovea_event *event = reserve_for(FOVEA_TCP_RESET, &sock->__sk_common, how == RESET_SENT);

	if (!event)
		return;
	event->tcp_flags = TCP_RST;
	event->packets = 1;
	event->detail = how;
	event->rtt_us = smoothed_rtt(sock);
	submit(event);
}

/* No socket: the reset answers `skb`, so it goes from that packet's destination to its source. */
static __always_inline void report_reset_answer(const struct sk_buff *skb)
{
	struct packet packet = {}, answer;
	struct fovea_event *event;

	if (parse_skb(skb, &packet) != PARSED || packet.protocol != IPPROTO_TCP)
		return;
	event = reserve(FOVEA_TCP_RESET);
	if (!event) {
		count_shared(FOVEA_LOST_RING, 1);
		return;
	}
	answer = packet;
	set_ipv6(answer.source, packet.destination);
	set_ipv6(answer.destination, packet.source);
	answer.source_port = packet.destination_port;
	answer.destination_port = packet.source_port;
	answer.flags = TCP_RST;
	describe_packet(event, &answer);
	event->point = FOVEA_NO_POINT;
	event->ifindex = skb_ifindex(skb);
	event->packets = 1;
	event->detail = RESET_SENT;
	submit(event);
}

static __always_inline void report_state(const struct sock *sock, __u32 old, __u32 new)
{
	struct fovea_event *event = reserve_for(FOVEA_TCP_STATE, &sock->__sk_common, true);

	if (!event)
		return;
	event->detail = old << 8 | new;
	event->rtt_us = smoothed_rtt(sock);
	submit(event);
}

/* The flow is told from the end that connects; `setup_us` 0 = unknown. */
static __always_inline void report_connect(const struct sock *sock, bool active, __u32 setup_us)
{
	struct fovea_event *event = reserve_for(FOVEA_TCP_CONNECT, &sock->__sk_common, active);

	if (!event)
		return;
	event->direction = active ? FOVEA_EGRESS : FOVEA_INGRESS;
	event->reply = FOVEA_REPLY_NO;
	event->rtt_us = smoothed_rtt(sock);
	event->detail = setup_us ? setup_us : event->rtt_us;
	submit(event);
}

static __always_inline void report_close(const struct sock *sock)
{
	struct fovea_event *event = reserve_for(FOVEA_TCP_CLOSE, &sock->__sk_common, true);

	if (!event)
		return;
	event->detail = BPF_CORE_READ((struct tcp_sock *)sock, total_retrans);
	event->rtt_us = smoothed_rtt(sock);
	submit(event);
}

/* µs since the socket sent its first SYN; 0 = unknown. */
static __always_inline __u32 end_of_connecting(__u64 key)
{
	__u64 *since = bpf_map_lookup_elem(&connecting, &key);
	__u64 setup_us;

	if (!since)
		return 0;
	setup_us = (bpf_ktime_get_boot_ns() - *since) / 1000;
	bpf_map_delete_elem(&connecting, &key);
	return setup_us;
}

static __always_inline void change_state(const struct sock *sock, __u32 old, __u32 new)
{
	__u64 key = (__u64)sock;
	__u32 setup_us = 0;

	if (BPF_CORE_READ(sock, sk_protocol) != IPPROTO_TCP)
		return;
	if (cfg_tcp_states)
		report_state(sock, old, new);
	if (new == TCP_SYN_SENT) {
		__u64 now = bpf_ktime_get_boot_ns();

		bpf_map_update_elem(&connecting, &key, &now, BPF_ANY);
	}
	if (old == TCP_SYN_SENT)
		setup_us = end_of_connecting(key);
	if (new == TCP_ESTABLISHED && (old == TCP_SYN_SENT || old == TCP_SYN_RECV))
		report_connect(sock, old == TCP_SYN_SENT, setup_us);
	if (new == TCP_CLOSE && old != TCP_LISTEN)
		report_close(sock);
}

#endif
