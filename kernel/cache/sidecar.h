/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sidecars: the index files that lie beside a vector file, as searches see them.
 */
#ifndef VEXFS_SIDECAR_H
#define VEXFS_SIDECAR_H

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

#include "cache/index_file.h"
#include "cache/stamp.h"

struct vexfs_snapshot;

/* What became of one index file.  It does not change any more, but for @fits. */
struct vexfs_sidecar {
	refcount_t users;
	int err;			/* -EUCLEAN for a file that is no index */
	u32 metric;
	struct vexfs_index *index;	/* NULL after an error */
	u64 generation;			/* no two sidecars have the same */
	u64 fits;			/* the last verdict about a snapshot */
	struct vexfs_stamp stamp;
};

/* Those of one inode, by kind, as they were when they were last looked at. */
struct vexfs_sidecars {
	struct mutex loading;		/* one loads, the others wait for it */
	spinlock_t lock;		/* for the pointers */
	struct vexfs_sidecar *slot[VEXFS_INDEX_KINDS];
};

/* When the inode of a vector file is allocated and when it is evicted. */
void vexfs_sidecars_init(struct vexfs_sidecars *sidecars);
void vexfs_sidecars_destroy(struct vexfs_sidecars *sidecars, struct super_block *sb);

/*
 * The sound index of @kind beside an open vector file, with a reference for the
 * caller; -ENODATA if there is none for @metric, -EUCLEAN if it is malformed,
 * -EIO, -ENOMEM or -EINTR.  @sidecars are those of the file's inode.
 */
struct vexfs_sidecar *vexfs_sidecar_get(struct vexfs_sidecars *sidecars, struct file *file,
					u32 kind, u32 metric);

/* May sleep.  NULL is fine. */
void vexfs_sidecar_put(struct vexfs_sidecar *sidecar);

/*
 * Is it the index of these rows?  Returns 0, -EUCLEAN if it is for another
 * dimension, -ESTALE if it is for other rows, or -EINTR.
 */
int vexfs_sidecar_check(struct vexfs_sidecar *sidecar,
			const struct vexfs_snapshot *snapshot);

/*
 * Describes the indexes whose header is sound, in the order of their kinds, and
 * returns how many these are, -ENOMEM or -EINTR.
 */
int vexfs_sidecars_list(struct file *file, struct vexfs_index_info *list);

#endif /* VEXFS_SIDECAR_H */
