/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The two ends of a TCP connection as its socket knows them. */
#ifndef FOVEA_SOCKET_H
#define FOVEA_SOCKET_H

#include "kernel.h"
#include "namespace.h"
#include "packet.h"

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3, TCP_TIME_WAIT = 6, TCP_CLOSE = 7, TCP_LISTEN = 10,
	TCP_NEW_SYN_RECV = 12,
};

struct ends {
	__u32 local[4];         /* network order; IPv4 (and IPv4 on an IPv6 socket) as ::ffff:a.b.c.d */
	__u32 remote[4];
	__u16 local_port;       /* host order */
	__u16 remote_port;
	__u32 ifindex;          /* of the agent's namespace that the socket is bound to, or 0 */
	__u8 version;
};

static __always_inline bool is_mapped(const __u32 address[4])
{
	return !address[0] && !address[1] && address[2] == bpf_htonl(0xffff);
}

/* Only full sockets have the fields of inet_sock and tcp_sock: not those of time-wait or of a handshake. */
static __always_inline bool is_full(const struct sock_common *common)
{
	__u8 state = BPF_CORE_READ(common, skc_state);

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

/* A socket that closes has given back skc_num, but keeps inet_sport. */
static __always_inline __u16 local_port(const struct sock_common *common)
{
	if (is_full(common))
		return bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)common, inet_sport));
	return BPF_CORE_READ(common, skc_num);
}

/* False for families that are not IP. `common`: first member of full, time-wait and request sockets alike. */
static __always_inline bool read_ends(const struct sock_common *common, struct ends *ends)
{
	ends->local_port = local_port(common);
	ends->remote_port = bpf_ntohs(BPF_CORE_READ(common, skc_dport));
	if (is_own_namespace(BPF_CORE_READ(common, skc_net.net)))
		ends->ifindex = BPF_CORE_READ(common, skc_bound_dev_if);
	switch (BPF_CORE_READ(common, skc_family)) {
	case AF_INET:
		set_ipv4(ends->local, BPF_CORE_READ(common, skc_rcv_saddr));
		set_ipv4(ends->remote, BPF_CORE_READ(common, skc_daddr));
		ends->version = 4;
		return true;
	case AF_INET6:
		BPF_CORE_READ_INTO(&ends->local, common, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&ends->remote, common, skc_v6_daddr);
		ends->version = is_mapped(ends->remote) ? 4 : 6;
		return true;
	default:
		return false;
	}
}

/* µs; 0 = no sample yet. The kernel keeps eight times the value. */
static __always_inline __u32 smoothed_rtt(const struct sock *sock)
{
	return is_full(&sock->__sk_common) ? BPF_CORE_READ((struct tcp_sock *)sock, srtt_us) >> 3 : 0;
}

static __always_inline void describe_ends(struct fovea_event *event, const struct ends *ends, bool from_local)
{
	event->ip_version = ends->version;
	event->ifindex = ends->ifindex;
	event->protocol = IPPROTO_TCP;
	event->point = FOVEA_NO_POINT;
	set_ipv6((__u32 *)event->source, from_local ? ends->local : ends->remote);
	set_ipv6((__u32 *)event->destination, from_local ? ends->remote : ends->local);
	event->source_port = from_local ? ends->local_port : ends->remote_port;
	event->destination_port = from_local ? ends->remote_port : ends->local_port;
}

#endif
