/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks: the memory of rows, which snapshots share.  It counts once, from before it is
 * taken until its last user has put it.
 */
#ifndef VEXFS_BLOCK_H
#define VEXFS_BLOCK_H

#include <linux/refcount.h>
#include <linux/types.h>

struct vexfs_budget;

/*
 * The first @filled rows do not change any more.  Those behind them belong to nobody: who
 * holds the mutex of the vectors (vectors.h) may write them and then move @filled.
 */
struct vexfs_block {
	refcount_t users;
	struct vexfs_budget *budget;
	u64 bytes;		/* that count */
	u32 *elements;
	u32 *inverse;
	u32 filled;
	u64 number;		/* the generation of the snapshot that it was made for */
};

/* Room for @rows rows of @stride elements, with a reference; or -ENOMEM. */
struct vexfs_block *vexfs_block_alloc(struct vexfs_budget *budget, u32 rows, u32 stride);

static inline struct vexfs_block *vexfs_block_get(struct vexfs_block *block)
{
	refcount_inc(&block->users);
	return block;
}

/* May sleep.  NULL is fine. */
void vexfs_block_put(struct vexfs_block *block);

#endif /* VEXFS_BLOCK_H */
