/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sidecars: the index files that lie beside a vector file, as searches see them.
 */
#ifndef VEXFS_SIDECAR_H
#define VEXFS_SIDECAR_H

#include <linux/mutex.h>

#include "cache/budget.h"
#include "cache/index_file.h"

struct vexfs_fit;
struct vexfs_snapshot;

/*
 * What became of one index file.  It does not change any more, but for its fits.  Of a file
 * that is malformed, or belonged to other rows when it was looked at, it is a note alone.
 */
struct vexfs_sidecar {
	struct vexfs_copy copy;
	int err;			/* -EUCLEAN for a file that is no index */
	u32 metric;			/* what its header says */
	u32 dim;
	u32 rows;
	u32 rows_crc;
	bool blocked;
	struct vexfs_index *index;	/* NULL for a note */
	u64 fits;			/* the last verdict about a snapshot */
	u64 fits_line;			/* all of a line whose covered rows have not changed */
	struct vexfs_fit __rcu *fit;	/* where it has blocks: the last one that was found */
};

/* Those of one inode, by kind, as they were when they were last looked at. */
struct vexfs_sidecars {
	struct mutex loading;		/* one loads, the others wait for it */
	struct vexfs_copy __rcu *slot[VEXFS_INDEX_KINDS];
};

/* When the inode of a vector file is allocated and when it is evicted. */
void vexfs_sidecars_init(struct vexfs_sidecars *sidecars);
void vexfs_sidecars_destroy(struct vexfs_sidecars *sidecars, struct super_block *sb);

/*
 * The index of @kind beside an open vector file, with a reference for the caller;
 * -ENODATA if there is none for @metric, -EUCLEAN if it is malformed, -EIO, -ENOMEM or
 * -EINTR.  @sidecars are those of the file's inode.  It is a note if it does not belong
 * to the snapshot.
 */
struct vexfs_sidecar *vexfs_sidecar_get(struct vexfs_sidecars *sidecars, struct file *file,
					u32 kind, u32 metric,
					const struct vexfs_snapshot *snapshot);

/* May sleep.  NULL is fine. */
static inline void vexfs_sidecar_put(struct vexfs_sidecar *sidecar)
{
	vexfs_copy_put(sidecar ? &sidecar->copy : NULL);
}

/*
 * Is it the index of these rows?  Returns 0, -EUCLEAN if it is for another
 * dimension, -ESTALE if it is for other rows, -ENOMEM or -EINTR.  It is no note then, if it
 * was gotten for this snapshot.  Where some of the covered rows have changed, @fit has them, and
 * the caller puts it; else that is NULL.
 */
int vexfs_sidecar_check(struct vexfs_sidecar *sidecar, const struct vexfs_snapshot *snapshot,
			struct vexfs_fit **fit);

/*
 * Describes the indexes whose header is sound, in the order of their kinds, and
 * returns how many these are, -ENOMEM or -EINTR.
 */
int vexfs_sidecars_list(struct file *file, struct vexfs_index_info *list);

#endif /* VEXFS_SIDECAR_H */
