/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fits: which of the rows that an index covers are still what they were, in one snapshot.
 */
#ifndef VEXFS_FIT_H
#define VEXFS_FIT_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "search/changes.h"

struct vexfs_index;
struct vexfs_snapshot;

/* It does not change any more once others may know it. */
struct vexfs_fit {
	refcount_t users;
	u64 generation;			/* of the snapshot */
	u64 line;			/* of the snapshot */
	struct rcu_head rcu;
	struct vexfs_changes changes;	/* the last member: it has no end */
};

/* What one for so many covered rows takes. */
u64 vexfs_fit_bytes(u32 covered);

/* Nothing has changed, with a reference; or NULL. */
struct vexfs_fit *vexfs_fit_whole(u32 covered, const struct vexfs_snapshot *snapshot);

/*
 * Compares an index that has blocks with the rows of a snapshot, of its dimension and as many
 * as are covered at least.  @last is NULL or what was found for another snapshot: of one that
 * this one was made from, what has not been read since need not be looked at.  Returns a fit
 * with a reference, -ESTALE if no block is what it was, -ENOMEM or -EINTR.
 */
struct vexfs_fit *vexfs_fit_find(const struct vexfs_index *index, const struct vexfs_fit *last,
				 const struct vexfs_snapshot *snapshot);

/* What is kept, with a reference for the caller; or NULL. */
struct vexfs_fit *vexfs_fit_get(struct vexfs_fit __rcu **kept);

/* Keeps @fit, of which the caller has a reference, or nothing, in place of what is kept. */
void vexfs_fit_keep(struct vexfs_fit __rcu **kept, struct vexfs_fit *fit);

/* NULL is fine. */
void vexfs_fit_put(struct vexfs_fit *fit);

#endif /* VEXFS_FIT_H */
