/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The k smallest of a stream of distinct keys (order(distance) << 32 | row).
 */
#ifndef VEXFS_TOPK_H
#define VEXFS_TOPK_H

#include <linux/types.h>

struct vexfs_topk {
	u64 *keys;	/* a heap with the largest key on top; room for @k */
	u32 k;
	u32 count;
};

/* The key that a newcomer has to undercut: any, until there are k. */
static inline u64 vexfs_topk_bound(const struct vexfs_topk *top)
{
	return top->count < top->k ? ~0ULL : top->keys[0];
}

void vexfs_topk_add(struct vexfs_topk *top, u64 key);

/* Puts the keys into ascending order.  Nothing can be added any more. */
void vexfs_topk_sort(struct vexfs_topk *top);

#endif /* VEXFS_TOPK_H */
