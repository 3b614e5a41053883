/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vectors of an inode: its last snapshot, as long as that is current.
 */
#ifndef VEXFS_VECTORS_H
#define VEXFS_VECTORS_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/mutex.h>

#include "cache/budget.h"
#include "cache/record.h"

struct vexfs_snapshot;

struct vexfs_vectors {
	atomic64_t changes;		/* to the file, through this mount (attempt.h) */
	struct mutex loading;		/* one loads, the others wait for it */
	struct vexfs_copy __rcu *slot;	/* of the snapshot */
	struct vexfs_recorder recorder;	/* of what has changed since */
};

/* When the inode is allocated and when it is evicted. */
void vexfs_vectors_init(struct vexfs_vectors *vectors);
void vexfs_vectors_destroy(struct vexfs_vectors *vectors, struct super_block *sb);

/*
 * Around each change of the file's content through the mount, with the inode locked: the
 * count goes up, and where rows are kept the range is recorded (record.h).
 */
void vexfs_vectors_changing(struct vexfs_vectors *vectors, const struct super_block *sb,
			    const struct path *lower);
void vexfs_vectors_changed(struct vexfs_vectors *vectors, const struct super_block *sb,
			   const struct path *lower, struct vexfs_range touched);

/*
 * The current snapshot of an open vector file, with a reference for the caller,
 * or an error of vexfs_snapshot_read().  @vectors are those of the file's inode.
 */
struct vexfs_snapshot *vexfs_vectors_get(struct vexfs_vectors *vectors, struct file *file);

#endif /* VEXFS_VECTORS_H */
