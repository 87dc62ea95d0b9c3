/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A forwarded packet passes several interfaces of a node, and a DNS message is news only at the first of them: there it
 * goes to user space whole, at the later ones it is counted like any other packet.
 */
#ifndef FOVEA_SIGHTING_H
#define FOVEA_SIGHTING_H

#include "connection.h"

#define SIGHTINGS 4096
/* Longer than a packet waits on its way through a node, shorter than any resolver repeats a question. */
#define SIGHTING_TICKS 32

/*
 * Each element tells one message: tag << 32 | ticks << 16 | interface. A newer message takes the place of an older one, and two
 * CPUs may write at once: then a message is reported twice, never lost.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, SIGHTINGS);
} sightings SEC(".maps");

struct sighting {
	__u64 *place;
	__u64 value;
};

/* Over the ends, the protocol's first four bytes (DNS: id and flags) and the direction; not over the interface. */
static __always_inline __u64 hash_message(const struct key *key, __u32 slot, __u32 first_bytes)
{
	return hash_from(key, 2, (__u64)(first_bytes + cfg_hash_seed[0]) * (__u32)(slot + cfg_hash_seed[1]));
}

/* Where the message of work->passing is remembered, and as what. */
static __always_inline struct sighting sighting_of(const struct passing *passing, __u32 first_bytes)
{
	__u64 sum = hash_message(&passing->key, passing->slot, first_bytes);
	__u32 index = sum >> 32 & (SIGHTINGS - 1);

	return (struct sighting){
		.place = bpf_map_lookup_elem(&sightings, &index),
		.value = sum << 32 | (passing->ticks & 0xffff) << 16 | (passing->key.ifindex & 0xffff),
	};
}

/* True when another interface saw the message a moment ago. The same one sees only what is sent again. */
static __always_inline bool seen_before(const struct sighting *sighting)
{
	__u64 last = sighting->place ? *(volatile __u64 *)sighting->place : 0;
	__u16 age = (sighting->value >> 16) - (last >> 16);

	return last >> 32 == sighting->value >> 32 && age < SIGHTING_TICKS && (__u16)last != (__u16)sighting->value;
}

static __always_inline void remember(const struct sighting *sighting)
{
	if (sighting->place)
		*(volatile __u64 *)sighting->place = sighting->value;
}

#endif
