/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Finding the entry of a connection, or a place for a new one. */
#ifndef FOVEA_ACCOUNT_H
#define FOVEA_ACCOUNT_H

#include "connection.h"

enum mode {
	SEARCH_OR_INSERT, /* insert only where the entry cannot be in a later bucket */
	SEARCH,
	INSERT,
};

enum visited {
	COUNTED,
	ABSENT,    /* and in no later bucket */
	PASSED_ON, /* perhaps in the next one */
	COLLISION, /* another key has the same tag: once in 2^31 */
};

static __always_inline struct bucket *bucket_at(__u32 home, __u32 distance)
{
	__u32 index = home + distance;

	if (index >= buckets())
		index -= buckets();
	return bpf_map_lookup_elem(&connections, &index);
}

/* `distance`: of this bucket from the connection's home. */
static __always_inline int visit(struct bucket *bucket, __u32 distance, enum mode mode, __u32 tag,
				 const struct passing *passing, struct outcome *outcome)
{
	struct connection *connection;
	int result = COUNTED;
	__u32 way;

	bpf_spin_lock(&bucket->lock);
	way = find_tag(bucket, tag);
	if (way >= BUCKET_WAYS) {
		result = bucket->passed ? PASSED_ON : ABSENT;
		if (mode == SEARCH || (mode == SEARCH_OR_INSERT && result == PASSED_ON))
			goto unlock;
		way = find_tag(bucket, 0);
		if (way >= BUCKET_WAYS) {
			bucket->passed += mode == INSERT;
			goto unlock;
		}
		occupy(&bucket->entries[way], passing, distance);
		bucket->tags[way] = tag;
		result = COUNTED;
	}
	connection = &bucket->entries[way];
	if (!same_key(&connection->key, &passing->key)) {
		result = COLLISION;
		goto unlock;
	}
	add(connection, passing, outcome);
	if (outcome->ended)
		bucket->tags[way] = 0;
unlock:
	bpf_spin_unlock(&bucket->lock);
	return result;
}

/* An entry at `distance` from `home` is gone, or found no place: the buckets before it need not point beyond. */
static __always_inline void unpass(__u32 home, __u32 distance)
{
	for (__u32 i = 0; i < PROBES && i < distance; i++) {
		struct bucket *bucket = bucket_at(home, i);

		if (!bucket)
			return;
		bpf_spin_lock(&bucket->lock);
		if (bucket->passed)
			bucket->passed--;
		bpf_spin_unlock(&bucket->lock);
	}
}

/* Looks into every bucket where the passing one of that work can be, then inserts it into the first one with room. */
__noinline int probe(__u32 whose)
{
	struct work *work = get_work(whose);
	int result = PASSED_ON;

	if (!work)
		return ABSENT;
	for (__u32 i = 0; i < PROBES && result == PASSED_ON; i++) {
		struct bucket *bucket = bucket_at(work->home.bucket, i);

		if (!bucket)
			return ABSENT;
		result = visit(bucket, i, SEARCH, work->home.tag, &work->passing, &work->outcome);
	}
	for (__u32 i = 0; i < PROBES && (result == ABSENT || result == PASSED_ON); i++) {
		struct bucket *bucket = bucket_at(work->home.bucket, i);

		if (!bucket)
			return ABSENT;
		result = visit(bucket, i, INSERT, work->home.tag, &work->passing, &work->outcome);
	}
	if (result == ABSENT || result == PASSED_ON)
		unpass(work->home.bucket, PROBES);
	return result;
}

/* True when the packet is in the table, with what is to be reported in `outcome`; false when it must be reported alone. */
static __always_inline bool account(struct work *work)
{
	struct bucket *bucket;
	int result;

	work->home = place(&work->passing.key);
	bucket = bucket_at(work->home.bucket, 0);
	if (!bucket)
		return false;
	work->outcome.own.report = 0;
	work->outcome.other.report = 0;
	work->outcome.ended = 0;
	result = visit(bucket, 0, SEARCH_OR_INSERT, work->home.tag, &work->passing, &work->outcome);
	if (result == ABSENT || result == PASSED_ON)
		result = probe(WORK_OF_PACKET);
	if (work->outcome.ended && work->outcome.distance)
		unpass(work->home.bucket, work->outcome.distance);
	return result == COUNTED;
}

#endif
