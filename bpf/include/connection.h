/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What a packet does to its connection. Everything that changes an entry happens under the lock of its bucket, and a
 * delta leaves the entry only together with the decision to report it: the sum of all records is what passed.
 */
#ifndef FOVEA_CONNECTION_H
#define FOVEA_CONNECTION_H

#include "clock.h"
#include "key.h"

/* Time after which a busy direction is reported again. */
volatile const __u64 cfg_report_interval_ns = 10000000000;

/* Host order; 0 = none. */
volatile const __u16 cfg_dns_ports[4] = { 53, 5353, 0, 0 };

#define FLAGS_OF_INTEREST (TCP_FIN | TCP_SYN | TCP_RST)
#define EPHEMERAL_PORT 32768

/* A packet, or a delta that is put back, on its way into the table. */
struct passing {
	struct key key;
	__u32 slot;
	__u64 bytes;
	__u32 packets;
	__u32 ticks;
	__u16 flags;
	__u8 initiator; /* for a new entry */
	__u8 pure_ack;  /* nothing but an acknowledgement */
	__u8 quiet;     /* put back: report nothing */
};

/* What is to be reported of one slot; report 0 = nothing. */
struct delta {
	__u64 bytes;
	__u32 packets;
	__u16 flags;
	__u8 report;
};

struct outcome {
	struct delta own;
	struct delta other;
	__u8 initiator;
	__u8 ended;
	__u8 distance;
};

/*
 * What a program knows while it handles a packet. It lies in a map and not on the stack so that functions without
 * arguments can be verified once, whoever calls them (pointers as arguments need Linux 5.12).
 */
struct work {
	struct passing passing;
	struct outcome outcome;
	struct place home;
	__u32 payload;  /* as in struct packet */
	__u32 end;
};

static __always_inline bool is_dns_port(__u16 port)
{
	_Pragma("unroll")
	for (int i = 0; i < 4; i++)
		if (cfg_dns_ports[i] && cfg_dns_ports[i] == port)
			return true;
	return false;
}

/* Whose work: tc programs do not interrupt each other, but before Linux 6.3 they may interrupt a sweep. */
enum { WORK_OF_PACKET, WORK_OF_SWEEP, WORKS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct work);
	__uint(max_entries, WORKS);
} works SEC(".maps");

static __always_inline struct work *get_work(__u32 whose)
{
	return bpf_map_lookup_elem(&works, &whose);
}

/*
 * Who opened the connection, told by one packet. Without a SYN (it began before us) TCP's ephemeral port tells a client;
 * otherwise whoever is seen first.
 */
static __always_inline __u32 guess_initiator(const struct key *key, __u32 slot, __u16 flags)
{
	if (is_icmp(key->protocol))
		return CLASS_ASKER(key->class);
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? slot ^ 1 : slot;
	if (key->protocol == IPPROTO_TCP && (key->low_port < EPHEMERAL_PORT) != (key->high_port < EPHEMERAL_PORT))
		return key->high_port >= EPHEMERAL_PORT;
	return slot;
}

static __always_inline void take(struct slot *slot, struct delta *delta, __u8 report, __u32 ticks)
{
	delta->bytes = slot->bytes;
	delta->packets = slot->packets;
	delta->flags = slot->flags;
	delta->report = report;
	slot->bytes = 0;
	slot->packets = 0;
	slot->told |= slot->flags | TOLD_FIRST;
	slot->flags = 0;
	slot->reported = ticks;
}

static __always_inline __u8 due(const struct slot *slot, __u32 ticks)
{
	if (!(slot->told & TOLD_FIRST))
		return FOVEA_REPORT_FIRST;
	if (slot->flags & FLAGS_OF_INTEREST & ~slot->told)
		return FOVEA_REPORT_FLAG;
	if (ticks - slot->reported >= to_ticks(cfg_report_interval_ns))
		return FOVEA_REPORT_INTERVAL;
	return 0;
}

static __always_inline __u16 flags_ever(const struct slot *slot)
{
	return slot->flags | slot->told;
}

/* A SYN names the initiator; after a FIN it opens a new connection on the same ports. */
static __always_inline void open_connection(struct connection *connection, const struct passing *passing)
{
	struct slot *slots = connection->slots;

	connection->initiator = guess_initiator(&passing->key, passing->slot, passing->flags);
	if (passing->flags & TCP_ACK || !((flags_ever(&slots[0]) | flags_ever(&slots[1])) & TCP_FIN))
		return;
	slots[0].told = 0;
	slots[1].told = 0;
}

/* A reset ends a connection at once, two FINs with the acknowledgement of the second one (RFC 9293 §3.6). */
static __always_inline bool ends(const struct connection *connection, const struct passing *passing)
{
	const struct slot *slots = connection->slots;

	if (passing->flags & TCP_RST)
		return true;
	return passing->pure_ack && passing->slot != connection->closer &&
	       flags_ever(&slots[0]) & flags_ever(&slots[1]) & TCP_FIN;
}

/* Under the lock. */
static __always_inline void add(struct connection *connection, const struct passing *passing, struct outcome *outcome)
{
	struct slot *slot = &connection->slots[passing->slot & 1];
	struct slot *other = &connection->slots[~passing->slot & 1];
	__u8 report;

	slot->bytes += passing->bytes;
	slot->packets += passing->packets;
	slot->flags |= passing->flags;
	if (passing->quiet) {
		slot->told = 0;
		return;
	}
	slot->seen = passing->ticks;
	connection->dead = 0;
	if (passing->flags & TCP_SYN)
		open_connection(connection, passing);
	if (passing->flags & TCP_FIN)
		connection->closer = passing->slot;
	outcome->initiator = connection->initiator;
	outcome->ended = ends(connection, passing);
	outcome->distance = connection->distance;
	report = outcome->ended ? FOVEA_REPORT_END : due(slot, passing->ticks);
	if (report)
		take(slot, &outcome->own, report, passing->ticks);
	if (outcome->ended && other->packets)
		take(other, &outcome->other, FOVEA_REPORT_END, passing->ticks);
}

/* A free way becomes the connection of this packet. Under the lock. */
static __always_inline void occupy(struct connection *connection, const struct passing *passing, __u8 distance)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	connection->key = passing->key;
	connection->initiator = passing->initiator;
	connection->distance = distance;
	connection->slots[0].seen = passing->ticks;
	connection->slots[1].seen = passing->ticks;
}

#endif
