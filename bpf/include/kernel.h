/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The kernel types these programs read, with only the fields they read: CO-RE finds the real offsets when an object is
 * loaded, so the objects build on machines without BTF. Sources: include/linux/{skbuff,netdevice}.h,
 * include/net/{sock,inet_sock,request_sock,tcp}.h.
 */
#ifndef FOVEA_KERNEL_H
#define FOVEA_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#define AF_INET 2
#define AF_INET6 10
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define IPPROTO_ICMP 1
#define IPPROTO_IPIP 4
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_IPV6 41
#define IPPROTO_GRE 47
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_map {
	__u32 max_entries;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct net_device {
	int ifindex;
	unsigned short type;
	struct {
		struct net *net;
	} nd_net;
};

struct sk_buff {
	struct net_device *dev;
	unsigned int len;
	unsigned int data_len;
	int skb_iif;
	__be16 vlan_proto;
	__u16 vlan_tci;
	__be16 protocol;
	__u8 encapsulation:1;
	__u16 inner_transport_header;
	__u16 inner_network_header;
	__u16 transport_header;
	__u16 network_header;
	__u16 mac_header;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
	char cb[48];
};

struct skb_shared_info {
	unsigned short gso_segs;
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	struct {
		struct net *net;
	} skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

struct inet_sock {
	__be16 inet_sport;
};

struct tcp_sock {
	__u32 srtt_us;
	__u32 total_retrans;
};

struct request_sock {
	struct sock_common __req_common;
};

struct tcp_skb_cb {
	__u16 tcp_gso_segs;
	__u16 tcp_flags;
};

/* Asked by name; the numbers of the running kernel are used. */
enum skb_drop_reason {
	SKB_DROP_REASON_NO_SOCKET = 3,
	SKB_DROP_REASON_NETFILTER_DROP = 8,
};

/* Only their fields' existence is asked: they tell which arguments a tracepoint has. (An enum matches no int.) */
struct trace_event_raw_kfree_skb {
	void *location;
	enum skb_drop_reason reason;
};

struct trace_event_raw_tcp_retransmit_skb {
	int err;
};

#pragma clang attribute pop

#endif
