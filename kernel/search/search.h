/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Searching, by whatever kind of index: docs/search.md.
 */
#ifndef VEXFS_SEARCH_H
#define VEXFS_SEARCH_H

#include <linux/types.h>

#include "search/index.h"
#include "search/rows.h"
#include "search/topk.h"

struct vexfs_changes;
struct vexfs_filter;

/**
 * struct vexfs_query - what is searched for
 * @elements: the query, packed as a row and aligned to 64 bytes; all finite
 * @metric: VEXFS_METRIC_*
 * @effort: how hard an index tries; 0 is its own default
 * @filter: NULL, or the rows that may be found
 * @changes: NULL, or the rows that the index knows as they no longer are; not all that it covers
 */
struct vexfs_query {
	const u32 *elements;
	u32 metric;
	u32 effort;
	const struct vexfs_filter *filter;
	const struct vexfs_changes *changes;
};

/**
 * vexfs_search() - find the nearest rows
 * @index: NULL for a flat search; else of the rows' dimension and the query's
 *	metric, and found to belong to the rows, but for query->changes, by
 *	vexfs_index_check_rows() or vexfs_index_compare_blocks()
 * @rows: where to look; rows beyond those that the index covers are all compared
 * @query: what to look for
 * @top: empty, with room for top->k keys, 1 to VEXFS_K_MAX; the answer, in ascending
 *	order.  vexfs_key_row() and vexfs_key_distance() take a key apart.
 * @evaluated: the number of distances that were computed in full
 *
 * Takes no locks.  May sleep.
 *
 * Return: 0, -ENOMEM or, after a fatal signal, -EINTR.
 */
int vexfs_search(struct vexfs_index *index, const struct vexfs_rows *rows,
		 const struct vexfs_query *query, struct vexfs_topk *top, u64 *evaluated);

/* The row of a key (order(distance) << 32 | row). */
static inline u32 vexfs_key_row(u64 key)
{
	return (u32)key;
}

/* The bits of the distance of a key: order() undone. */
static inline u32 vexfs_key_distance(u64 key)
{
	u32 order = key >> 32;

	return order & 0x80000000U ? order ^ 0x80000000U : ~order;
}

#endif /* VEXFS_SEARCH_H */
