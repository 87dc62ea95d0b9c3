/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The map of connections: our own hash table in an array, because an array can be swept in slices, has no allocator that
 * could fail or hand an element to another key under our hands, and finds a connection in two cache lines.
 *
 * A bucket has a spin lock and BUCKET_WAYS entries; a free entry has tag 0. An entry that finds its bucket full goes into one of
 * the next ones (at most PROBES), and each bucket it passed counts it in `passed`, so that a search knows where to stop.
 */
#ifndef FOVEA_TABLE_H
#define FOVEA_TABLE_H

#include "kernel.h"
#include "event.h"

#define BUCKET_WAYS 8
#define PROBES 4

/* Where a program is attached. */
enum { AT_ENDPOINT = 0, AT_NETWORK = 1, AT_LOOPBACK = 2 };

/*
 * `low` and `high` are the two ends in sorted order, so that both directions of a connection share an entry. `class`:
 * bit 0: hook ^ direction (a packet that leaves by the interface it came from is another entry), bits 1–2: AT_…,
 * bit 3: IPv6, bit 4: which end asks (ICMP, whose ports are the type of the request and its code).
 */
struct key {
	__u32 ifindex;
	__u8 protocol;
	__u8 class;
	__u16 vlan;
	__u16 low_port;
	__u16 high_port;
	__u32 low[4];
	__u32 high[4];
};

#define CLASS_PARITY 1
#define CLASS_AT(class) (((class) >> 1) & 3)
#define CLASS_IPV6 8
#define CLASS_ASKER(class) (((class) >> 4) & 1)

/* One direction. What was not yet reported is in bytes, packets and flags. */
struct slot {
	__u64 bytes;
	__u32 packets;
	__u32 seen;     /* ticks at the last packet */
	__u32 reported; /* ticks at the last record */
	__u16 flags;
	__u16 told;     /* flags in records so far, TOLD_FIRST once there was one */
};

#define TOLD_FIRST 0x8000

struct connection {
	struct key key;
	__u8 initiator; /* slot of the end that opened the connection */
	__u8 closer;    /* slot of the last FIN */
	__u8 dead;      /* idle and flushed: the next sweep deletes it */
	__u8 distance;  /* buckets passed */
	struct slot slots[2];
};

struct bucket {
	struct bpf_spin_lock lock;
	__u16 passed;
	__u16 way;      /* see find_tag */
	__u32 tags[BUCKET_WAYS];
	struct connection entries[BUCKET_WAYS];
};

/* Entries are made by packets and deleted by the last packet of a TCP connection or by the program `sweep`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct bucket);
	__uint(max_entries, 16384);
} connections SEC(".maps");

/* Secret of the hash, so that nobody can aim at one bucket; the loader sets random numbers. */
volatile const __u32 cfg_hash_seed[12] = {
	0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1, 0xd3a2646c,
	0xfd7046c5, 0xb55a4f09, 0x8f1bbcdc, 0xca62c1d6, 0x5be0cd19, 0x1f83d9ab,
};

struct place {
	__u32 bucket;
	__u32 tag;
};

/*
 * NH (RFC 4418 §5.2.2): pairs of words, each with a secret added, are multiplied and summed. From word `first` (even) of a
 * key on, so that the words before it can be left out; `sum` is what was hashed before.
 */
static __always_inline __u64 hash_from(const struct key *key, int first, __u64 sum)
{
	const __u32 *word = (const __u32 *)key;

	_Pragma("unroll")
	for (int i = first; i < 10; i += 2)
		sum += (__u64)(__u32)(word[i] + cfg_hash_seed[i]) * (__u32)(word[i + 1] + cfg_hash_seed[i + 1]);
	sum += (__u64)(__u32)(word[10] + cfg_hash_seed[10]) * cfg_hash_seed[11];
	sum ^= sum >> 32;
	return sum * 0x9e3779b97f4a7c15;
}

static __always_inline __u32 buckets(void)
{
	return ((struct bpf_map *)&connections)->max_entries;
}

static __always_inline struct place place(const struct key *key)
{
	__u64 sum = hash_from(key, 0, 0);

	return (struct place){ .bucket = (sum >> 32) * buckets() >> 32, .tag = (__u32)sum | 1 };
}

static __always_inline bool same_key(const struct key *a, const struct key *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;
	__u32 difference = 0;

	_Pragma("unroll")
	for (int i = 0; i < 11; i++)
		difference |= x[i] ^ y[i];
	return !difference;
}

/*
 * Index of the way whose tag is `tag`; BUCKET_WAYS when there is none. Tag 0 finds a free way. Under the lock. The index
 * takes the way through memory so that the verifier forgets which constant it was and looks at what follows only once.
 */
static __always_inline __u32 find_tag(struct bucket *bucket, __u32 tag)
{
	__u32 way = BUCKET_WAYS;

	_Pragma("unroll")
	for (int i = BUCKET_WAYS - 1; i >= 0; i--)
		if (bucket->tags[i] == tag)
			way = i;
	*(volatile __u16 *)&bucket->way = way;
	return *(volatile __u16 *)&bucket->way;
}

#endif
