/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows with the smallest sums of table entries.  Sums are small integers: how many rows
 * there are of each tells from which sum on a row is out, cheaper than any order.
 */
#ifndef VEXFS_SUMS_H
#define VEXFS_SUMS_H

#include <linux/types.h>

#define VEXFS_SUM_BINS	1024

/* Of distinct keys (sum << 32 | row). */
struct vexfs_sums {
	u64 *keys;	/* all that may be wanted, and some that turned out not to be */
	u32 *bins;	/* VEXFS_SUM_BINS: the keys by sum, 1 << @shift sums to a bin */
	u32 want;	/* at least one */
	u32 count;
	u32 room;
	u32 shift;
	u32 last;	/* the bins up to this one hold what is wanted */
	u32 within;	/* keys in them */
	u32 limit;	/* sums from here on are out */
};

/* Begins with no keys, of sums up to @largest. */
void vexfs_sums_init(struct vexfs_sums *sums, u32 largest);

/* Whether the next @batch keys can be written from keys[count] on. */
static inline bool vexfs_sums_have_room(const struct vexfs_sums *sums, u32 batch)
{
	return sums->room - sums->count >= batch;
}

/* Makes room, where rows of the same sum are many.  There must be more than @want keys. */
void vexfs_sums_cut(struct vexfs_sums *sums);

/* So many keys below the limit were written from keys[count] on. */
void vexfs_sums_added(struct vexfs_sums *sums, u32 added);

/* Leaves the wanted keys, or as many as there are, in no order. */
void vexfs_sums_finish(struct vexfs_sums *sums);

#endif /* VEXFS_SUMS_H */
