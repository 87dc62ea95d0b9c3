/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* From a packet to the key of its connection, and back to the ends of a record. */
#ifndef FOVEA_KEY_H
#define FOVEA_KEY_H

#include "packet.h"
#include "table.h"

/* Which end of `packet` is the low one: 0 = the source. */
static __always_inline __u32 sort(const struct packet *packet)
{
	_Pragma("unroll")
	for (int i = 3; i >= 0; i--)
		if (packet->source[i] != packet->destination[i])
			return packet->source[i] > packet->destination[i];
	return packet->source_port > packet->destination_port;
}

/* The request that an ICMP or ICMPv6 message answers (RFC 792, 950, 4443), 0 when it is no answer. */
static __always_inline __u8 icmp_request(__u8 protocol, __u8 type)
{
	if (protocol == IPPROTO_ICMPV6)
		return type == 129 ? 128 : 0;
	switch (type) {
	case 0:
		return 8;
	case 14:
	case 16:
	case 18:
		return type - 1;
	default:
		return 0;
	}
}

static __always_inline __u8 icmp_answer(__u8 protocol, __u8 type)
{
	return protocol == IPPROTO_ICMP && type == 8 ? 0 : type + 1;
}

static __always_inline bool is_icmp(__u8 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static __always_inline void set_icmp(struct key *key, const struct packet *packet, __u32 slot)
{
	__u8 request = icmp_request(packet->protocol, packet->icmp_type);
	__u32 asker = request ? slot ^ 1 : slot;

	key->low_port = request ? request : packet->icmp_type;
	key->high_port = packet->icmp_code;
	key->class |= asker << 4;
}

/* Fills `key` and returns the slot of this direction. `at`: AT_…; `hook`: 0 = ingress of the device, 1 = egress. */
static __always_inline __u32 make_key(struct key *key, const struct packet *packet, __u32 ifindex, __u32 at, __u32 hook)
{
	__u32 slot = sort(packet);
	__u32 parity = at == AT_LOOPBACK ? 0 : hook ^ slot;

	key->ifindex = ifindex;
	key->protocol = packet->protocol;
	key->class = parity | at << 1 | (packet->version == 6 ? CLASS_IPV6 : 0);
	key->vlan = packet->vlan;
	if (slot) {
		set_ipv6(key->low, packet->destination);
		set_ipv6(key->high, packet->source);
		key->low_port = packet->destination_port;
		key->high_port = packet->source_port;
	} else {
		set_ipv6(key->low, packet->source);
		set_ipv6(key->high, packet->destination);
		key->low_port = packet->source_port;
		key->high_port = packet->destination_port;
	}
	if (is_icmp(packet->protocol))
		set_icmp(key, packet, slot);
	return slot;
}

static __always_inline __u8 key_point(const struct key *key, __u32 slot)
{
	__u32 egress = (key->class ^ slot) & CLASS_PARITY;

	switch (CLASS_AT(key->class)) {
	case AT_ENDPOINT:
		return egress ? FOVEA_TO_ENDPOINT : FOVEA_TO_STACK;
	case AT_NETWORK:
		return egress ? FOVEA_TO_NETWORK : FOVEA_FROM_NETWORK;
	default:
		return FOVEA_TO_STACK;
	}
}

/* Of a connection that `initiator` opened, as its packets pass this interface. */
static __always_inline __u8 key_direction(const struct key *key, __u32 initiator)
{
	__u8 point = key_point(key, initiator);

	return point == FOVEA_TO_STACK || point == FOVEA_TO_NETWORK ? FOVEA_EGRESS : FOVEA_INGRESS;
}

/* Ends, protocol, point, interface and VLAN of a record about the packets of `slot`. */
static __always_inline void describe(struct fovea_event *event, const struct key *key, __u32 slot)
{
	__u32 *source = (__u32 *)event->source, *destination = (__u32 *)event->destination;

	event->ip_version = key->class & CLASS_IPV6 ? 6 : 4;
	event->ifindex = key->ifindex;
	set_ipv6(source, slot ? key->high : key->low);
	set_ipv6(destination, slot ? key->low : key->high);
	event->protocol = key->protocol;
	event->point = key_point(key, slot);
	event->vlan = key->vlan;
	if (is_icmp(key->protocol)) {
		event->icmp_type = slot == CLASS_ASKER(key->class) ? key->low_port : icmp_answer(key->protocol, key->low_port);
		event->icmp_code = key->high_port;
	} else {
		event->source_port = slot ? key->high_port : key->low_port;
		event->destination_port = slot ? key->low_port : key->high_port;
	}
}

#endif
