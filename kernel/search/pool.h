/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * W of docs/search.md: the ef smallest nodes that an HNSW search has seen, and which of
 * them it has not expanded yet.
 *
 * A small pool is one sorted array, in which the lowest bit of an entry says whether it was
 * expanded: what is moved lies in a few cache lines.  A large one, where that would cost
 * too much, is two heaps: all of W with the largest on top, and what is to be
 * expanded with the smallest on top.
 */
#ifndef VEXFS_POOL_H
#define VEXFS_POOL_H

#include <linux/minmax.h>
#include <linux/types.h>

#include "search/heap.h"
#include "search/topk.h"
#include "simd/simd.h"

/* Up to this ef a pool is one array. */
#define VEXFS_POOL_SORTED	1024

/* What an insertion may take. */
static inline u32 vexfs_pool_ns(u32 ef)
{
	return ef <= VEXFS_POOL_SORTED ? 10 + ef / 2 : 150;
}

struct vexfs_pool {
	struct vexfs_topk all;	/* in a sorted pool: ascending, key << 1 | expanded */
	u32 far;		/* no distance is as far, and none exceeds 2^31 */
	bool sorted;
	u32 next;		/* sorted: all entries before are expanded */
	u64 *waiting;		/* heaps: to be expanded, unless they have fallen out of W */
	u32 waiting_count;
	u32 waiting_room;
};

/* Keys that a pool needs room for, when so many are inserted at a time. */
static inline size_t vexfs_pool_keys(u32 ef, u32 batch)
{
	return ef <= VEXFS_POOL_SORTED ? ef + batch : 3 * (size_t)ef + 256 + batch;
}

static inline void vexfs_pool_init(struct vexfs_pool *pool, u64 *keys, u32 ef, u32 batch,
				   u32 far)
{
	*pool = (struct vexfs_pool){
		.all = { .keys = keys, .k = ef },
		.far = far,
		.sorted = ef <= VEXFS_POOL_SORTED,
		.waiting = keys + ef,
		.waiting_room = 2 * ef + 256 + batch,
	};
}

/* Distances from here on are of no interest. */
static inline u32 vexfs_pool_limit(const struct vexfs_pool *pool)
{
	const struct vexfs_topk *all = &pool->all;

	if (all->count < all->k)
		return pool->far;
	/* One at the same distance may be the smaller node. */
	return (pool->sorted ? all->keys[all->k - 1] >> 33 : all->keys[0] >> 32) + 1;
}

/* Sorts a few keys. */
static inline void vexfs_pool_sort(u64 *keys, u32 count)
{
	u32 i, at;
	u64 key;

	for (i = 1; i < count; i++) {
		key = keys[i];
		for (at = i; at && keys[at - 1] > key; at--)
			keys[at] = keys[at - 1];
		keys[at] = key;
	}
}

/*
 * Puts @count keys into W, of which the ef smallest remain.  The keys are overwritten.
 * In a sorted pool all move to their places in one go, from the back.
 */
static inline void vexfs_pool_insert(struct vexfs_pool *pool, u64 *keys, u32 count)
{
	struct vexfs_topk *all = &pool->all;
	u32 i, from = all->count, to = all->count + count;
	u64 *kept = all->keys;

	if (!pool->sorted) {
		for (i = 0; i < count; i++) {
			if (keys[i] >= vexfs_topk_bound(all))
				continue;
			vexfs_topk_add(all, keys[i]);
			vexfs_heap_push(pool->waiting, &pool->waiting_count, keys[i]);
		}
		return;
	}
	if (!count)
		return;
	for (i = 0; i < count; i++)
		keys[i] <<= 1;
	vexfs_pool_sort(keys, count);
	all->count = min(to, all->k);
	for (i = count; i--; kept[--to] = keys[i])
		while (from && kept[from - 1] > keys[i])
			kept[--to] = kept[--from];
	pool->next = min(pool->next, to);
}

/* Takes the smallest entry that is not expanded, for expansion.  False if there is none. */
static inline bool vexfs_pool_take(struct vexfs_pool *pool, u32 *node)
{
	struct vexfs_topk *all = &pool->all;
	u64 key;

	if (!pool->sorted) {
		if (!pool->waiting_count)
			return false;
		key = vexfs_heap_pop(pool->waiting, &pool->waiting_count);
		*node = (u32)key;
		/* Beyond the largest of W: it has fallen out, and so has the rest. */
		return all->count < all->k || key <= all->keys[0];
	}
	while (pool->next < all->count && all->keys[pool->next] & 1)
		pool->next++;
	if (pool->next == all->count)
		return false;
	*node = all->keys[pool->next] >> 1;
	all->keys[pool->next++] |= 1;
	return true;
}

/* What is likely to be taken next; any node if there is none. */
static inline u32 vexfs_pool_peek(const struct vexfs_pool *pool)
{
	if (!pool->sorted)
		return pool->waiting_count ? pool->waiting[0] : 0;
	return pool->next < pool->all.count ? pool->all.keys[pool->next] >> 1 : 0;
}

/* Whether @batch more can be inserted without vexfs_pool_compact(). */
static inline bool vexfs_pool_has_room(const struct vexfs_pool *pool, u32 batch)
{
	return pool->sorted || pool->waiting_room - pool->waiting_count >= batch;
}

/* Drops what has fallen out of W.  Takes milliseconds: not for a section of the FPU. */
static inline void vexfs_pool_compact(struct vexfs_pool *pool)
{
	const u64 bound = vexfs_topk_bound(&pool->all);
	const u32 count = pool->waiting_count;
	u32 i;

	/* A heap grows over the entries from its start, none of which is read again. */
	for (pool->waiting_count = 0, i = 0; i < count; i++)
		if (pool->waiting[i] <= bound)
			vexfs_heap_push(pool->waiting, &pool->waiting_count, pool->waiting[i]);
}

/* The node of entry @i of W. */
static inline u32 vexfs_pool_node(const struct vexfs_pool *pool, u32 i)
{
	return pool->sorted ? pool->all.keys[i] >> 1 : pool->all.keys[i];
}

#endif /* VEXFS_POOL_H */
